"""Base classes of result stores that are classes, as packages written for Celery have them.

    class Mine(KeyValueStoreBackend):            get, set, delete: by keys
    class Mine(BaseBackend):                     _store_result, _get_task_meta_for, _forget: by task

Such a class is named by `result_backend`, by its path or by an entry point of the group ``celery.result_backends``;
`app/byclass` opens it and speaks to it. umbel's own stores follow another contract, `backend.Backend`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from .. import clock, states
from ..current import running_task
from ..exceptions import ImproperlyConfigured, TimeoutError
from ..serialization import acceptable, codec, dumps, loads
from .rebuild import named, rebuild


class BaseBackend:
    """A result store.

    Args:
        app: the application.
        serializer: of what is stored; `result_serializer` unless given.
        max_cached_results: accepted, Celery's; nothing is cached.
        accept: content types that are read; those of the settings unless given.
        expires: seconds (or a timedelta) that results are kept; `result_expires` unless given.
        expires_type: what the seconds are made, for instance int.
        url: that named the store.
    """

    READY_STATES = states.READY_STATES
    UNREADY_STATES = states.UNREADY_STATES
    EXCEPTION_STATES = states.EXCEPTION_STATES
    TimeoutError = TimeoutError
    supports_native_join = False
    supports_autoexpire = False
    persistent = True

    def __init__(
        self, app: Any, serializer: str | None = None, max_cached_results: int | None = None, accept: Any = None,
        expires: Any = None, expires_type: Any = None, url: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        conf = app.conf
        self.app = app
        self.url = url
        self.serializer: str = serializer or conf.result_serializer
        self.accept = acceptable(accept or conf.result_accept_content or conf.accept_content)
        self.expires = self.prepare_expires(expires, expires_type)

    # What a class writes itself

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: str | None = None, request: Any = None, **kwargs: Any
    ) -> Any:
        raise self._without("_store_result")

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        raise self._without("_get_task_meta_for")

    def _forget(self, task_id: str) -> None:
        raise self._without("_forget")

    def _save_group(self, group_id: str, result: Any) -> Any:
        raise self._without("_save_group")

    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        raise self._without("_restore_group")

    def _delete_group(self, group_id: str) -> None:
        raise self._without("_delete_group")

    def cleanup(self) -> None:
        """Remove what has expired."""

    def _without(self, method: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"The result store {type(self).__name__} has no method {method}; it needs one.")

    # What it may use

    def prepare_expires(self, value: Any, type: Any = None) -> Any:
        """Seconds that results are kept, None for ever."""
        value = self.app.conf.result_expires if value is None else value
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        return type(seconds) if seconds is not None and type else seconds

    def _encode(self, data: Any) -> tuple[str, str, Any]:
        """Content type, encoding and payload; a text where the serializer writes one."""
        content_type, encoding, payload = dumps(data, self.serializer)
        return content_type, encoding, payload if encoding == "binary" else payload.decode(encoding)

    def encode(self, data: Any) -> Any:
        """A value as it is stored."""
        return self._encode(data)[2]

    def decode(self, payload: Any) -> Any:
        """A value that was stored."""
        if payload is None:
            return None
        written = codec(self.serializer)
        data = payload.encode() if isinstance(payload, str) else bytes(payload)
        return loads(data, written.content_type, written.content_encoding, self.accept | {written.content_type})

    def meta_from_decoded(self, meta: dict[str, Any]) -> dict[str, Any]:
        """What `_get_task_meta_for` returns, as it is stored: errors are named, not raised."""
        return meta

    def current_task_children(self, request: Any = None) -> list[Any]:
        """The tasks that a task sent, in their plain form."""
        request = request or getattr(running_task(), "request", None)
        return [child.as_tuple() for child in getattr(request, "children", None) or ()]

    def exception_safe_to_retry(self, exc: BaseException) -> bool:
        """Whether the same call may succeed later."""
        return False

    # What its users call

    def store_result(
        self, task_id: str, result: Any, state: str, traceback: str | None = None, request: Any = None, **kwargs: Any
    ) -> Any:
        """Store a state.

        Args:
            task_id: of the task.
            result: what it returned or raised.
            state: name of the state.
            traceback: text.
            request: of its run.
        """
        if isinstance(result, BaseException):
            result = named(result)
        self._store_result(task_id, result, state, traceback, request=request, **kwargs)
        return result

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:
        """The document of a task; PENDING when there is none."""
        meta = dict(self._get_task_meta_for(task_id))
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
        self._forget(task_id)

    def save_group(self, group_id: str, result: Any) -> Any:
        """Save the results of a group under an id."""
        return self._save_group(group_id, result)

    def delete_group(self, group_id: str) -> None:
        """Remove what `save_group` stored."""
        self._delete_group(group_id)


class KeyValueStoreBackend(BaseBackend):
    """A result store of keys and values: a class of it has `get`, `set` and `delete`."""

    task_keyprefix = "celery-task-meta-"
    group_keyprefix = "celery-taskset-meta-"
    chord_keyprefix = "chord-unlock-"

    def get(self, key: str) -> Any:
        """The value of a key, None when there is none."""
        raise self._without("get")

    def set(self, key: str, value: Any) -> Any:
        """Keep a value."""
        raise self._without("set")

    def delete(self, key: str) -> Any:
        """Remove a key."""
        raise self._without("delete")

    def get_key_for_task(self, task_id: str, key: str = "") -> str:
        """The key of a task's result."""
        return f"{self.task_keyprefix}{task_id}{key}"

    def get_key_for_group(self, group_id: str, key: str = "") -> str:
        """The key of a group's results."""
        return f"{self.group_keyprefix}{group_id}{key}"

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: str | None = None, request: Any = None, **kwargs: Any
    ) -> Any:
        meta = {
            "status": state, "result": result, "traceback": traceback, "children": self.current_task_children(request),
            "date_done": clock.utcnow().isoformat() if state in states.READY_STATES else None, "task_id": task_id,
        }  # fmt: skip
        if request is not None and self.app.conf.result_extended:
            names = {"name": "task", "args": "args", "kwargs": "kwargs", "worker": "hostname", "retries": "retries"}
            meta |= {name: getattr(request, field, None) for name, field in names.items()}
        self.set(self.get_key_for_task(task_id), self.encode(meta))
        return result

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        found = self.get(self.get_key_for_task(task_id))
        if not found:
            return {"status": states.PENDING, "result": None}
        return self.meta_from_decoded(self.decode(found))

    def _forget(self, task_id: str) -> None:
        self.delete(self.get_key_for_task(task_id))

    def _save_group(self, group_id: str, result: Any) -> Any:
        self.set(self.get_key_for_group(group_id), self.encode({"result": result.as_tuple()}))
        return result

    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        found = self.get(self.get_key_for_group(group_id))
        saved: Mapping[str, Any] | None = self.decode(found) if found else None
        return dict(saved) if saved else None

    def _delete_group(self, group_id: str) -> None:
        self.delete(self.get_key_for_group(group_id))
