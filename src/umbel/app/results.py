"""``app.backend``: called, it opens this thread's results; and it has what Celery's result stores have for their users.

app.backend()                                   umbel's own: a `backend.Backend`, None when no results are kept
app.backend.mark_as_done(request.id, 42)        Celery's: for tasks that write the results of others
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import states
from ..backend import Backend
from ..exceptions import ImproperlyConfigured, TaskRevokedError
from ..result.rebuild import named, rebuild
from ..serialization import codec, decompress_document, loads
from ..withdraw import Form, kept_for, state_record


class Results:
    """The results of one app.

    Args:
        app: the application.
        opened: opens those of this thread.

    Example:
        >>> app.backend.get_state("an-id")   # doctest: +SKIP
        'PENDING'
    """

    def __init__(self, app: Any, opened: Callable[[], Backend | None]) -> None:
        self._app = app
        self._opened = opened

    def __call__(self) -> Backend | None:
        """This thread's connection to the results, None when none are kept."""
        return self._opened()

    def store_result(
        self, task_id: str, result: Any, state: str, traceback: str | None = None, request: Any = None, **kwargs: Any
    ) -> Any:
        """Store a state; nothing where no results are kept.

        Args:
            task_id: of the task.
            result: what it returned or raised.
            state: name of the state.
            traceback: text.
            request: of its run, if there is one.
        """
        backend = self._opened()
        if backend is None:
            return result
        conf = self._app.conf
        if isinstance(result, BaseException):
            result = named(result)
        children = [child.as_tuple() for child in getattr(request, "children", None) or ()]
        record = state_record(
            task_id, state, result, expires=kept_for(conf, state), children=children, traceback=traceback,
            parent_id=getattr(request, "parent_id", None), group_id=getattr(request, "group", None),
            form=Form.of(conf),
        )  # fmt: skip
        record.reply_to = getattr(request, "reply_to", None) or ""
        backend.store([record])
        return result

    def mark_as_started(self, task_id: str, **meta: Any) -> Any:
        """Store STARTED with these fields."""
        return self.store_result(task_id, meta, states.STARTED)

    def mark_as_done(
        self, task_id: str, result: Any, request: Any = None, store_result: bool = True, state: str = states.SUCCESS
    ) -> None:  # fmt: skip
        """Store that a task has returned.

        Args:
            task_id: of the task.
            result: what it returned.
            request: of its run.
            store_result: False stores nothing.
            state: its state.
        """
        if store_result and not getattr(request, "ignore_result", False):
            self.store_result(task_id, result, state, request=request)

    def mark_as_failure(
        self, task_id: str, exc: BaseException, traceback: str | None = None, request: Any = None,
        store_result: bool = True, call_errbacks: bool = True, state: str = states.FAILURE,
    ) -> None:  # fmt: skip
        """Store that a task has raised.

        Args:
            exc: what it raised.
            call_errbacks: accepted; errbacks are sent by the worker that settles the message.
            task_id, traceback, request, store_result, state: see `mark_as_done`.
        """
        if store_result:
            self.store_result(task_id, exc, state, traceback=traceback, request=request)

    def mark_as_retry(
        self, task_id: str, exc: BaseException, traceback: str | None = None, request: Any = None,
        store_result: bool = True, state: str = states.RETRY,
    ) -> Any:  # fmt: skip
        """Store that a task will run again; see `mark_as_failure`."""
        return self.store_result(task_id, exc, state, traceback=traceback, request=request) if store_result else None

    def mark_as_revoked(
        self, task_id: str, reason: str = "", request: Any = None, store_result: bool = True,
        state: str = states.REVOKED,
    ) -> None:  # fmt: skip
        """Store that a task was revoked, for this reason; see `mark_as_done`."""
        if store_result:
            self.store_result(task_id, TaskRevokedError(reason), state, request=request)

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:
        """The document of a task; PENDING when there is none.

        Args:
            task_id: of the task.
            cache: accepted; nothing is kept.

        Raises:
            ImproperlyConfigured: no results are kept.
        """
        backend = self._opened()
        if backend is None:
            raise ImproperlyConfigured("This app keeps no results: set result_backend to the URL of a store.")
        record = backend.fetch([task_id]).get(task_id)
        if record is None:
            return {"status": states.PENDING, "result": None}
        conf = self._app.conf
        written = codec(conf.result_serializer)
        data = decompress_document(record.document, conf.decompressed_max_size)
        meta: dict[str, Any] = loads(data, written.content_type, written.content_encoding, {written.content_type})
        if meta["status"] in states.EXCEPTION_STATES:
            meta["result"] = rebuild(meta["result"])
        return meta

    def get_state(self, task_id: str) -> str:
        """The state of a task."""
        state: str = self.get_task_meta(task_id)["status"]
        return state

    get_status = get_state

    def get_result(self, task_id: str) -> Any:
        """What a task returned or raised."""
        return self.get_task_meta(task_id).get("result")

    def get_traceback(self, task_id: str) -> Any:
        """Text of the traceback of a failed task."""
        return self.get_task_meta(task_id).get("traceback")

    def forget(self, task_id: str) -> None:
        """Remove the result of a task."""
        backend = self._opened()
        if backend is not None:
            backend.forget([task_id])

    def __getattr__(self, name: str) -> Any:
        """Of a store that is a class (`result_backend`) all else is that class's own."""
        if not name.startswith("_"):
            inner = getattr(self._opened(), "inner", None)
            if inner is not None:
                return getattr(inner, name)
        raise AttributeError(f"app.backend has no {name!r}: app.backend() opens the results.", name=name, obj=self)
