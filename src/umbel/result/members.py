"""ResultSet: several results as one; GroupResult: those of a group, with its id.

Waiting goes through the members in order. What has ended before is fetched by the page, so that a group of ten thousand
costs a score of questions to the store and not one for each member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Self

from .. import clock, states
from ..backend import Backend
from ..record import Record
from ..sender import App, current_sender
from ..serialization import decode_json, encode_json
from ..withdraw import lifetime
from . import waiting
from .awaiting import AwaitingAll, AwaitingSaved
from .fulfilled import Callbacks
from .joining import assert_will_not_block

_PAGE = 500
_SAVED = "celery-taskset-meta-"
"""What stands before the id of a group under which its members are saved, as in Celery."""


def at_once(question: Callable[[], Any]) -> Any:
    """Ask once."""
    return question()


class ResultSet(AwaitingAll):
    """Several results as one.

    Args:
        results: handles.
        app: whose store is asked; that of the first result unless given.
        ready_barrier: Celery's own promise of the end, without effect.
    """

    parent: Any = None

    def __init__(
        self, results: Iterable[Any] | None, app: Any = None, ready_barrier: Any = None, **kwargs: Any
    ) -> None:
        self._app: App | None = app
        self.results: list[Any] = results if isinstance(results, list) else list(results or ())

    @property
    def app(self) -> App:
        """The app whose store is asked."""
        app = self._app
        if app is None:
            app = self._app = self.results[0].app if self.results else current_sender()
        return app

    def add(self, result: Any) -> None:
        """Add a result, unless it is in it."""
        if result not in self.results:
            self.results.append(result)

    def remove(self, result: Any) -> None:
        """Remove a result, or the one of this id.

        Raises:
            KeyError: it is not in it.
        """
        try:
            self.results.remove(result)
        except ValueError:
            raise KeyError(result) from None

    def discard(self, result: Any) -> None:
        """Remove a result if it is in it."""
        if result in self.results:
            self.results.remove(result)

    def update(self, results: Iterable[Any]) -> None:
        """Add those that are not in it."""
        self.results.extend([result for result in results if result not in self.results])

    def clear(self) -> None:
        """Remove all."""
        self.results[:] = []

    def successful(self) -> bool:
        """Whether all have ended well."""
        return all(result.successful() for result in self._looked())

    def failed(self) -> bool:
        """Whether one has failed."""
        return any(result.failed() for result in self._looked())

    def waiting(self) -> bool:
        """Whether one has not ended."""
        return any(not result.ready() for result in self._looked())

    def ready(self) -> bool:
        """Whether all have ended."""
        return all(result.ready() for result in self._looked())

    def completed_count(self) -> int:
        """How many have ended well."""
        return sum(result.successful() for result in self._looked())

    def maybe_throw(self, callback: Callable[[str, Any], Any] | None = None, propagate: bool = True) -> None:
        """Raise what the first failed one raised."""
        for result in self._looked():
            result.maybe_throw(callback=callback, propagate=propagate)

    maybe_reraise = maybe_throw

    def forget(self) -> None:
        """Remove all results from the store."""
        for result in self.results:
            result.forget()

    def revoke(
        self, connection: Any = None, terminate: bool = False, signal: str | int | None = None, wait: bool = False,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """Revoke all; see `AsyncResult.revoke`."""
        for result in self.results:
            result.revoke(connection, terminate, signal, wait, timeout)

    def get(
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None, no_ack: bool = True, on_message: Any = None,
        disable_sync_subtasks: bool = True, on_interval: Callable[[], Any] | None = None,
    ) -> list[Any]:  # fmt: skip
        """Wait for all and return what they returned, in their order.

        Args:
            timeout: seconds in all, None for ever.
            propagate: raise what the first failed one raised; False puts the exception into the list.
            callback: called with id and value of each; the list is then empty.
            on_interval: called at least once a second while waiting.
            disable_sync_subtasks: refuse to wait inside a task.
            interval, no_ack, on_message: accepted for compatibility, without effect.

        Raises:
            TimeoutError: one did not end in time.
            RuntimeError: called inside a task.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        wait = waiting.Wait(self.app, self._name(), timeout, on_interval)
        values = []
        for result in self._looked(ask=wait.ask):
            left = None if timeout is None else max(wait.left(), 0.0)
            value = result.get(
                timeout=left, propagate=propagate, disable_sync_subtasks=disable_sync_subtasks, on_interval=on_interval
            )
            if callback is None:
                values.append(value)
            else:
                callback(result.id, value)
        return values

    join = get

    def join_native(
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None, no_ack: bool = True, on_message: Any = None,
        on_interval: Callable[[], Any] | None = None, disable_sync_subtasks: bool = True,
    ) -> list[Any]:  # fmt: skip
        """`join`: there is one way to wait, and it polls nothing."""
        return self.get(timeout, propagate, interval, callback, no_ack, on_message, disable_sync_subtasks, on_interval)

    def then(self, callback: Callable[[Any], Any], on_error: Any = None, weak: bool = False) -> Self:
        """Call a function with this set when it is known that all that are in it now have ended.

        Args:
            callback, on_error, weak: as `AsyncResult.then` takes them.
        """
        callbacks, members = Callbacks(), [*self.results]
        callbacks.add(callback, on_error)
        missing = {id(result) for result in members}

        def ended(result: Any) -> None:
            missing.discard(id(result))
            if not missing:
                callbacks.call(self)

        for result in members:
            result.then(ended)
        if not members:
            callbacks.call(self)
        return self

    def iter_native(
        self, timeout: float | None = None, interval: float = 0.5, no_ack: bool = True, on_message: Any = None,
        on_interval: Callable[[], Any] | None = None,
    ) -> Iterator[tuple[str, dict[str, Any]]]:  # fmt: skip
        """Pairs of id and result document, each when its task has ended.

        Raises:
            TimeoutError: one did not end in time.
        """
        wait = waiting.Wait(self.app, self._name(), timeout, on_interval)
        waiting_for = {result.id: result for result in self.results}
        watch = self.app.watch()
        watch.add(waiting_for)
        try:
            while waiting_for:
                looked = self._looked([*waiting_for.values()], ask=wait.ask)
                for result in [result for result in looked if result.ready()]:
                    del waiting_for[result.id]
                    yield result.id, result.document()
                if waiting_for:
                    left = min(waiting.LOOK_AGAIN, wait.left())
                    wait.end(left)
                    watch.wait(left)
                wait.interval()
        finally:
            watch.discard(waiting_for)

    def _name(self) -> str:
        """What is waited for, as an error names it."""
        return str(self.results[0].id) if self.results else "of an empty group"

    def _looked(self, results: list[Any] | None = None, ask: Callable[[Any], Any] = at_once) -> Iterator[Any]:
        """The results, what is stored of them fetched (by ``ask``) before they are reached."""
        results = self.results if results is None else results
        for start in range(0, len(results), _PAGE):
            page = results[start : start + _PAGE]
            unknown = [result.id for result in page if result.unread]
            if unknown:
                found = ask(partial(waiting.results_of(self.app).fetch, unknown))
                for result in page:
                    if result.id in found:
                        result.keep(found[result.id])
            yield from page

    @property
    def backend(self) -> Backend | None:
        """This thread's connection to the results of its app, None when none are kept."""
        return self.app.backend()

    @property
    def supports_native_join(self) -> bool:
        """Whether `join_native` waits without polling: always."""
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __eq__(self, other: object) -> bool:
        return other.results == self.results if isinstance(other, ResultSet) else NotImplemented

    def __hash__(self) -> int:
        return id(self)  # its members change

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: [{', '.join(result.id for result in self.results)}]>"


class GroupResult(AwaitingSaved, ResultSet):
    """The results of a group.

    Args:
        id: of the group.
        results: of its members.
        parent: result of the task before it in a chain.
        app: whose store is asked.
    """

    unread = False

    def __init__(
        self, id: str | None = None, results: Iterable[Any] | None = None, parent: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(results, **kwargs)
        self.id = id
        self.parent = parent

    @property
    def children(self) -> list[Any]:
        """The results."""
        return self.results

    def save(self, backend: Any = None) -> None:
        """Store the ids of its members, so that `restore` finds them by the id of the group."""
        keep = lifetime(self.app.conf.result_expires)
        document = encode_json({"result": self.as_tuple()})
        record = Record(f"{_SAVED}{self.id}", "GROUP", document, clock.wall() + keep if keep else 0.0)
        waiting.results_of(self.app).store([record])

    def delete(self, backend: Any = None) -> None:
        """Remove what `save` stored."""
        waiting.results_of(self.app).forget([f"{_SAVED}{self.id}"])

    @classmethod
    def restore(cls, id: str, backend: Any = None, app: Any = None) -> GroupResult | None:  # noqa: ARG003 - Celery's
        """The group that was saved under this id, None when there is none.

        Example:
            >>> GroupResult.restore(saved.id)   # doctest: +SKIP
        """
        source: App = current_sender() if app is None else app
        record = waiting.look(source, f"{_SAVED}{id}")
        if record is None:
            return None
        found: GroupResult = rebuilt(decode_json(record.document)["result"], source.AsyncResult, source)
        return found

    @classmethod
    async def arestore(cls, id: str, backend: Any = None, app: Any = None) -> GroupResult | None:
        """`restore` for coroutines."""
        source: App = current_sender() if app is None else app
        found: GroupResult | None = await source.client().call(lambda: cls.restore(id, backend, source))
        return found

    def as_tuple(self) -> tuple[Any, ...]:
        """Plain form: ``((id, parent), [members])``."""
        parent = None if self.parent is None else self.parent.as_tuple()
        return ((self.id, parent), [result.as_tuple() for result in self.results])

    def as_list(self) -> list[Any]:
        """Its id, and those of the results before it."""
        return [self.id, *([] if self.parent is None else self.parent.as_list())]

    def document(self) -> dict[str, Any]:
        """What `iter_native` gives for a group in a group."""
        return {"status": states.SUCCESS, "result": [result.result for result in self.results]}

    def __bool__(self) -> bool:
        return bool(self.id or self.results)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, GroupResult):
            return (other.id, other.results, other.parent) == (self.id, self.results, self.parent)
        return other == self.id if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return str(self.id)

    def __repr__(self) -> str:
        members = ", ".join(str(result.id) for result in self.results)
        return f"<{type(self).__name__}: {self.id} [{members}]>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.id, self.results, self.parent)


def rebuilt(form: Any, single: Callable[..., Any], app: Any) -> Any:
    """The result, or the group of results, that ``as_tuple`` wrote.

    Args:
        form: the tuple, or the list that it became.
        single: makes the handle of one id; takes ``parent``.
        app: of the groups.
    """
    if not isinstance(form, list | tuple):
        return form
    task_id, parent, members = form[0], None, form[1]
    if isinstance(task_id, list | tuple):
        task_id, parent = task_id
    parent = rebuilt(parent, single, app) if parent else None
    if members is None:
        return single(task_id, parent=parent)
    return GroupResult(task_id, [rebuilt(member, single, app) for member in members], parent, app=app)
