"""AsyncResult: the handle on a task that was sent, by its id."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Generic, Protocol, Self, TypeVar

from .. import states
from ..exceptions import TimeoutError
from ..record import Record
from ..sender import App, current_sender
from ..serialization import codec, decompress_document, loads
from . import waiting
from .awaiting import Awaiting
from .details import Details
from .family import Family
from .fulfilled import Callbacks
from .joining import assert_will_not_block
from .members import rebuilt
from .rebuild import rebuild
from .stored import Stored

R_co = TypeVar("R_co", covariant=True)
_PLAIN = b'{"status"'
_PENDING: dict[str, Any] = {"status": states.PENDING, "result": None, "traceback": None, "children": None}


class Shape(Protocol):
    """What a task says about its result."""

    def returned(self, value: Any) -> Any:
        """A result as the return annotation asks for it."""
        ...


class AsyncResult(Awaiting, Stored, Details, Family, Generic[R_co]):
    """The result of a task, now or later.

    Args:
        id: task id.
        backend: accepted for compatibility; results are looked up in the app's own store.
        task_name: name of the task, when it is known.
        app: the app whose store is asked; the current one unless given.
        parent: result of the task before it in a chain.

    Example:
        >>> result = add.delay(2, 3)          # doctest: +SKIP
        >>> result.get(timeout=10)            # doctest: +SKIP
        5
    """

    __slots__ = ("_app", "_cache", "_name", "_sent_here", "_shape", "_then", "id", "ignored", "parent")
    TimeoutError = TimeoutError

    def __init__(
        self, id: str, backend: Any = None, task_name: str | None = None, app: Any = None, parent: Any = None
    ) -> None:
        if not id:
            raise ValueError(f"AsyncResult needs the id of a task, not {id!r}.")
        self.id = id
        self._app: App | None = app
        self._name = task_name
        self.parent: Any = parent
        self.ignored = False
        self._cache: dict[str, Any] | None = None
        self._shape: Shape | None = None
        self._then: Callbacks | None = None
        self._sent_here = False

    @classmethod
    def sent(cls, id: str, app: App, shape: Shape | None, ignored: bool) -> AsyncResult[R_co]:
        """The handle on a task that this process has just sent."""
        made: AsyncResult[R_co] = cls.__new__(cls)
        made.id = id
        made._app = app
        made._name = None
        made.parent = None
        made.ignored = ignored
        made._cache = None
        made._shape = shape
        made._then = None
        made._sent_here = True
        return made

    @classmethod
    def frozen(cls, id: str, app: App | None) -> AsyncResult[R_co]:
        """The handle on a task of a workflow: its message may not be sent for a long time yet."""
        made: AsyncResult[R_co] = cls(id, app=app)
        made._sent_here = True
        return made

    @property
    def _expected(self) -> bool:
        """Whether its store need not have heard of it: sent by this process, or to follow another task."""
        return self._sent_here or self.parent is not None

    def shaped(self, shape: Shape) -> AsyncResult[R_co]:
        """The same handle, converting what the task returned as the task's annotation says."""
        self._shape = shape
        return self

    @property
    def app(self) -> App:
        """The app whose store is asked."""
        if self._app is None:
            self._app = current_sender()
        return self._app

    @property
    def task_id(self) -> str:
        """Its id, by Celery's other name."""
        return self.id

    def get(
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.5, no_ack: bool = True,
        follow_parents: bool = True, callback: Callable[[str, Any], Any] | None = None, on_message: Any = None,
        on_interval: Callable[[], Any] | None = None, disable_sync_subtasks: bool = True,
    ) -> R_co:  # fmt: skip
        """Wait until the task has ended and return what it returned.

        While the result store is away it goes on waiting: to the end of ``timeout``, or without one for as long as the
        ``retry_policy`` of `result_backend_transport_options` says (20 attempts a second apart).

        Args:
            timeout: seconds, None for ever.
            propagate: raise what the task raised; False returns the exception.
            follow_parents: raise what an earlier task of a chain raised.
            callback: called with id and result before it is returned.
            on_interval: called at least once a second while waiting.
            disable_sync_subtasks: refuse to wait inside a task.
            interval, no_ack, on_message: accepted for compatibility, without effect: nothing is polled.

        Raises:
            TimeoutError: it did not end in time.
            UnknownResultError: this store has never heard of it, so it would never end.
            OperationalError: without a timeout: the store was away for too long.
            RuntimeError: called inside a task.
        """
        if self.ignored:
            return None  # type: ignore[return-value]  # Celery's answer where no result is kept
        if disable_sync_subtasks:
            assert_will_not_block()
        if self._cache is None:
            wait = waiting.Wait(self.app, self.id, timeout, on_interval)
            if propagate and follow_parents and self.parent is not None:
                wait.ask(self._raise_of_parents)
            self._keep(waiting.wait_for(self.app, self.id, wait, sent_here=self._expected))
        return self._answer(propagate, callback)

    wait = get  # Celery's second name

    async def aget(
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.5, no_ack: bool = True,
        follow_parents: bool = True, callback: Callable[[str, Any], Any] | None = None, on_message: Any = None,
        on_interval: Callable[[], Any] | None = None, disable_sync_subtasks: bool = True,
    ) -> R_co:  # fmt: skip
        """`get` for coroutines: the event loop goes on. ``await result`` is the same without options."""
        if self.ignored:
            return None  # type: ignore[return-value]  # as in get()
        if disable_sync_subtasks:
            assert_will_not_block()
        if self._cache is None:
            wait = waiting.Wait(self.app, self.id, timeout)
            if propagate and follow_parents and self.parent is not None:
                await waiting.aask(self.app, wait, self._raise_of_parents)
            self._keep(await waiting.await_for(self.app, self.id, wait, sent_here=self._expected))
        return self._answer(propagate, callback)

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self.aget().__await__()

    def _answer(self, propagate: bool, callback: Callable[[str, Any], Any] | None) -> R_co:
        if propagate:
            self.maybe_throw(callback=callback)
        elif callback is not None:
            callback(self.id, self.result)
        value: R_co = self.result
        return value

    def _raise_of_parents(self) -> None:
        for one in reversed(self._parents()):
            one.maybe_throw()

    def _parents(self) -> list[Any]:
        """The results before this one, nearest first."""
        parents, parent = [], self.parent
        while parent is not None:
            parents.append(parent)
            parent = parent.parent
        return parents

    def maybe_throw(self, propagate: bool = True, callback: Callable[[str, Any], Any] | None = None) -> Any:
        """Raise what the task raised, if it has failed by now; returns the result otherwise."""
        document = self._document()
        value = self._value(document)
        if document["status"] in states.PROPAGATE_STATES and propagate:
            raise self._with_note(value, document)
        if callback is not None:
            callback(self.id, value)
        return value

    maybe_reraise = maybe_throw

    def _with_note(self, error: BaseException, document: dict[str, Any]) -> BaseException:
        if self.app.conf.task_remote_tracebacks and document.get("traceback"):
            error.add_note(f"In the worker:\n{document['traceback']}")
        return error

    def _document(self) -> dict[str, Any]:
        if self._cache is not None:
            return self._cache
        record = waiting.look(self.app, self.id)
        return _PENDING if record is None else self._keep(record)

    def _keep(self, record: Record) -> dict[str, Any]:
        """Decode a record; the last state is remembered."""
        document = self._decode(record.document)
        if waiting.is_ready(record):
            self._cache = document
            if self._then is not None:
                self._then.call(self)
        return document

    def _decode(self, data: bytes) -> dict[str, Any]:
        """A document: in the app's serializer, or in JSON: another client, or one of an earlier release, wrote it."""
        conf = self.app.conf
        data = decompress_document(data, conf.decompressed_max_size)
        written = codec("json" if data.startswith(_PLAIN) else conf.result_serializer)
        accept = frozenset(conf.result_accept_content or conf.accept_content)
        document: dict[str, Any] = loads(data, written.content_type, written.content_encoding, accept)
        return document

    def _value(self, document: dict[str, Any]) -> Any:
        value = document.get("result")
        status = document["status"]
        if status in states.EXCEPTION_STATES:
            return rebuild(value)
        if status == states.SUCCESS and self._shape is not None:
            return self._shape.returned(value)
        return value

    @property
    def state(self) -> str:
        """State name; PENDING for a task that has no state yet, or is not known."""
        status: str = self._document()["status"]
        return status

    status = state

    @property
    def result(self) -> Any:
        """What it returned or raised, or the progress that it reported; None while it waits."""
        return self._value(self._document())

    info = result

    @property
    def traceback(self) -> str | None:
        """Text of the traceback of a failed task."""
        text: str | None = self._document().get("traceback")
        return text

    @property
    def children(self) -> list[Any] | None:
        """Results of the tasks that it sent."""
        found = self._document().get("children")
        return None if found is None else [result_from_tuple(child, self._app) for child in found]

    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in states.READY_STATES

    def successful(self) -> bool:
        """Whether it has ended well."""
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        """Whether it has failed."""
        return self.state == states.FAILURE

    def exists(self) -> bool:
        """Whether a state of it is stored."""
        return self._cache is not None or waiting.look(self.app, self.id) is not None

    @property
    def known(self) -> bool | None:
        """Whether it is stored, waiting or running; None where the store cannot tell."""
        return waiting.known(self.app, self.id)

    def then(self, callback: Callable[[Any], Any], on_error: Any = None, weak: bool = False) -> Self:
        """Call a function with this result when this handle learns that the task has ended, however it ended.

        It learns that by `get`, `ready` or any other look at the store, on the thread that looks: nothing runs in the
        background. When it knows already, the function is called at once.

        Args:
            callback: the function.
            on_error: called with the exception when ``callback`` raises one; without it the look raises that.
            weak: accepted for compatibility, without effect.

        Example:
            >>> add.delay(2, 3).then(lambda result: print(result.state))   # doctest: +SKIP
        """
        if self._then is None:
            self._then = Callbacks()
        self._then.add(callback, on_error)
        if self._ended:
            self._then.call(self)
        return self

    def throw(self, *args: Any, **kwargs: Any) -> None:
        """Give the functions of `then` up: each ``on_error`` gets the exception, and it is raised.

        Args:
            args: the exception; the one that is being handled unless given.
            kwargs: ``propagate=False`` does not raise it.
        """
        waiting_for, self._then = self._then or Callbacks(), None
        waiting_for.throw(*args, **kwargs)

    @property
    def _ended(self) -> bool:
        return self._cache is not None

    def forget(self) -> None:
        """Remove its result from the store."""
        self._cache = None
        waiting.results_of(self.app).forget((self.id,))

    def as_tuple(self) -> tuple[Any, ...]:
        """Plain form: ``((id, parent), None)``."""
        form: Any = None
        for one in reversed([self, *self._parents()]):  # no recursion: a chain may have ten thousand steps
            form = ((one.id, form), None if isinstance(one, AsyncResult) else [each.as_tuple() for each in one])
        found: tuple[Any, ...] = form
        return found

    def as_list(self) -> list[str]:
        """Its id, and those of the results before it."""
        return [self.id, *(one.id for one in self._parents())]

    @property
    def unread(self) -> bool:
        """Whether its last state has not been read yet."""
        return self._cache is None

    def keep(self, record: Record) -> None:
        """Take note of a state that was read for it."""
        self._keep(record)

    def document(self) -> dict[str, Any]:
        """Its result document as far as it is known: status, result, traceback, children, ..."""
        known = self._document()
        return {**known, "result": self._value(known)}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AsyncResult):
            return other.id == self.id
        return self.id == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.id}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.id, None, self._name, None, self.parent)


def result_from_tuple(r: Any, app: Any = None) -> Any:
    """The handle, or the group of handles, that ``as_tuple`` wrote.

    Example:
        >>> result_from_tuple([["an-id", None], None])
        <AsyncResult: an-id>
        >>> result_from_tuple([["a-group", None], [[["an-id", None], None]]])
        <GroupResult: a-group [an-id]>
    """
    return rebuilt(r, partial(AsyncResult, app=app), app)
