"""How a task is called: as a function, sent one by one, sent in bulk.

``delay`` has the function's own parameters. ``apply_async`` takes them as a tuple; its overloads give a type checker
the same knowledge for up to five positional arguments. A method with an ``a`` in front is the same for coroutines:
the message is built where it is called, the store is spoken to in the client thread.

    delay -> apply_async --check--> template --fill--> parcel --publish--> AsyncResult
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, ParamSpec, TypeAlias, TypeVar, Unpack, overload

from ..bulk import batches
from ..context import Context
from ..current import request_var
from ..exceptions import OperationalError
from ..ids import new_id
from ..message import Parcel
from ..result import AsyncResult, EagerResult, Sent
from ..sender import App
from ..template import Template
from .arguments import Arguments
from .types import SendOptions, Takes0, Takes1, Takes2, Takes3, Takes4, Takes5

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Bulk: TypeAlias = Sequence[AsyncResult[R]]
_NOTHING: Mapping[str, Any] = {}


class _Order(NamedTuple):
    template: Template
    parcel: Parcel
    result: AsyncResult[Any]


class _Bulk(NamedTuple, Generic[R]):
    template: Template
    results: Sent[R]
    options: Mapping[str, Any]
    copies: dict[str, tuple[Parcel, ...]]  # of what goes into several queues, by id, until its batch is sent


class Calls(Generic[P, R]):
    """The calling side of `Task`.

    Attributes:
        result_cls: class of the handles on what was sent.
    """

    name: str
    typing: bool
    trail: bool
    result_cls: ClassVar[type[AsyncResult[Any]]] = AsyncResult

    @property
    @abstractmethod
    def app(self) -> App: ...

    @cached_property
    @abstractmethod
    def shape(self) -> Arguments: ...

    @abstractmethod
    def apply(self, args: Any = None, kwargs: Any = None, **options: Any) -> EagerResult[R]: ...

    @abstractmethod
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> AsyncResult[R]:
        """Send a message that runs this task in a worker.

        Returns:
            the handle on its result.

        Raises:
            TypeError: the function cannot be called with these arguments.
            EncodeError: an argument cannot travel.
            OperationalError: the broker did not take it within `task_publish_deadline`.

        Example:
            >>> add.delay(2, 3).get(timeout=10)   # doctest: +SKIP
            5
        """
        return self.apply_async(args, kwargs)

    async def adelay(self, *args: P.args, **kwargs: P.kwargs) -> AsyncResult[R]:
        """`delay` for coroutines: the event loop goes on while the broker takes the message."""
        return await self.aapply_async(args, kwargs)

    @overload
    def apply_async(
        self: Takes0[R], args: tuple[()] | None = ..., kwargs: None = ..., task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Takes1[A, R], args: tuple[A], kwargs: None = ..., task_id: str | None = ..., producer: Any = ...,
        link: Any = ..., link_error: Any = ..., shadow: str | None = ..., **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Takes2[A, B, R], args: tuple[A, B], kwargs: None = ..., task_id: str | None = ..., producer: Any = ...,
        link: Any = ..., link_error: Any = ..., shadow: str | None = ..., **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Takes3[A, B, C, R], args: tuple[A, B, C], kwargs: None = ..., task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Takes4[A, B, C, D, R], args: tuple[A, B, C, D], kwargs: None = ..., task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Takes5[A, B, C, D, E, R], args: tuple[A, B, C, D, E], kwargs: None = ..., task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Calls[..., R], args: list[Any], kwargs: Mapping[str, Any] | None = ..., task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Calls[..., R], args: Sequence[Any] | None, kwargs: Mapping[str, Any], task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    @overload
    def apply_async(
        self: Calls[..., R], args: None = ..., *, kwargs: Mapping[str, Any], task_id: str | None = ...,
        producer: Any = ..., link: Any = ..., link_error: Any = ..., shadow: str | None = ...,
        **options: Unpack[SendOptions],
    ) -> AsyncResult[R]: ...  # fmt: skip
    def apply_async(
        self, args: Any = None, kwargs: Any = None, task_id: str | None = None, producer: Any = None,
        link: Any = None, link_error: Any = None, shadow: str | None = None, **options: Unpack[SendOptions],
    ) -> AsyncResult[Any]:  # fmt: skip
        """Send a message that runs this task in a worker.

        Args:
            args, kwargs: the function's arguments.
            task_id: its id; a random one unless given.
            link, link_error: signatures to send when it has succeeded or failed.
            shadow: name shown in the place of the task's.
            options: see `SendOptions`; anything else becomes a property of the message.
            producer: accepted for compatibility, without effect.

        Raises:
            TypeError: the function cannot be called with these arguments.
            ValueError: an option is out of range.
            EncodeError: an argument cannot travel.
            OperationalError: the broker did not take it within `task_publish_deadline`.

        Example:
            >>> add.apply_async((2, 3), countdown=60, queue="slow")   # doctest: +SKIP
        """
        order = self._order(args, kwargs, task_id, link, link_error, shadow, options)
        if isinstance(order, EagerResult):
            return order
        template = order.template
        parcels = template.spread(order.parcel) if template.also else (order.parcel,)
        self.app.publish(parcels, template.retry_policy)
        return order.result

    async def aapply_async(
        self, args: Any = None, kwargs: Any = None, task_id: str | None = None, producer: Any = None,
        link: Any = None, link_error: Any = None, shadow: str | None = None, **options: Unpack[SendOptions],
    ) -> AsyncResult[R]:  # fmt: skip
        """`apply_async` for coroutines: the event loop goes on while the broker takes the message."""
        order = self._order(args, kwargs, task_id, link, link_error, shadow, options)
        if isinstance(order, EagerResult):
            return order
        app = self.app
        await app.client().call(lambda: app.publish(order.template.spread(order.parcel), order.template.retry_policy))
        return order.result

    def _order(
        self, args: Any, kwargs: Any, task_id: str | None, link: Any, link_error: Any, shadow: str | None,
        options: Mapping[str, Any],
    ) -> _Order | EagerResult[R]:  # fmt: skip
        """Check a call and build its message; nothing is sent."""
        args, kwargs = args if args is not None else (), kwargs if kwargs is not None else _NOTHING
        self._check(args, kwargs)
        app = self.app
        if app.conf.task_always_eager:
            return self.apply(args, kwargs, link=link, link_error=link_error, task_id=task_id, **options)
        if link is not None or link_error is not None or shadow is not None:
            options = {**options, "link": link, "link_error": link_error, "shadow": shadow}
        template = app.template(self.name, self, options, (args, kwargs))
        parent = sending_request()
        parcel = app.fill(template, args, kwargs, task_id or new_id(), parent)
        result: AsyncResult[R] = self.result_cls.sent(parcel.id, app, self.shape, bool(template.ignore_result))
        if parent is not None and template.add_to_parent and self.trail:
            parent.children.append(result)
        return _Order(template, parcel, result)

    def _check(self, args: Any, kwargs: Any) -> None:
        if self.typing:
            shape = self.shape
            shape.check(args, kwargs)
            if shape.types:
                shape.validate(args, kwargs)
        elif not isinstance(args, list | tuple) or not isinstance(kwargs, Mapping):
            raise TypeError("The arguments of a task are a list or tuple, the keyword arguments a mapping.")

    @overload
    def delay_many(self: Takes0[R], calls: Iterable[tuple[()]]) -> Bulk[R]: ...
    @overload
    def delay_many(self: Takes1[A, R], calls: Iterable[tuple[A]]) -> Bulk[R]: ...
    @overload
    def delay_many(self: Takes2[A, B, R], calls: Iterable[tuple[A, B]]) -> Bulk[R]: ...
    @overload
    def delay_many(self: Takes3[A, B, C, R], calls: Iterable[tuple[A, B, C]]) -> Bulk[R]: ...
    @overload
    def delay_many(self: Takes4[A, B, C, D, R], calls: Iterable[tuple[A, B, C, D]]) -> Bulk[R]: ...
    @overload
    def delay_many(self: Takes5[A, B, C, D, E, R], calls: Iterable[tuple[A, B, C, D, E]]) -> Bulk[R]: ...
    def delay_many(self, calls: Iterable[tuple[Any, ...]]) -> Bulk[Any]:
        """Send one message for each tuple of positional arguments; see `apply_async_many`.

        Example:
            >>> add.delay_many([(1, 2), (3, 4)])   # doctest: +SKIP
        """
        return self.apply_async_many((args, None) for args in calls)

    def apply_async_many(
        self, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any] | None]], **options: Unpack[SendOptions]
    ) -> Bulk[R]:
        """Send one message for each pair of arguments and keyword arguments.

        The iterable is read as a stream: a thousand messages or a megabyte at a time, each batch stored whole in one
        round trip or not at all. They are not listed among the children of a task that sends them.

        Args:
            calls: pairs (args, kwargs); kwargs may be None.
            options: as `apply_async` takes them, the same for all.

        Returns:
            the results, in order; they cost no memory but their ids.

        Raises:
            OperationalError: a batch was not taken; `error.sent` has the results of the batches before it.

        Example:
            >>> add.apply_async_many((((n, n), None) for n in range(1_000_000)), queue="slow")   # doctest: +SKIP
        """
        if self.app.conf.task_always_eager:
            return [self.apply(args, kwargs, **options) for args, kwargs in calls]
        sent = self._bulk(options)
        for _batch in self._steps(sent, calls):
            pass
        return sent.results

    @overload
    async def adelay_many(self: Takes0[R], calls: Iterable[tuple[()]]) -> Bulk[R]: ...
    @overload
    async def adelay_many(self: Takes1[A, R], calls: Iterable[tuple[A]]) -> Bulk[R]: ...
    @overload
    async def adelay_many(self: Takes2[A, B, R], calls: Iterable[tuple[A, B]]) -> Bulk[R]: ...
    @overload
    async def adelay_many(self: Takes3[A, B, C, R], calls: Iterable[tuple[A, B, C]]) -> Bulk[R]: ...
    @overload
    async def adelay_many(self: Takes4[A, B, C, D, R], calls: Iterable[tuple[A, B, C, D]]) -> Bulk[R]: ...
    @overload
    async def adelay_many(self: Takes5[A, B, C, D, E, R], calls: Iterable[tuple[A, B, C, D, E]]) -> Bulk[R]: ...
    async def adelay_many(self, calls: Iterable[tuple[Any, ...]]) -> Bulk[Any]:
        """`delay_many` for coroutines."""
        return await self.aapply_async_many((args, None) for args in calls)

    async def aapply_async_many(
        self, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any] | None]], **options: Unpack[SendOptions]
    ) -> Bulk[R]:
        """`apply_async_many` for coroutines; the iterable is read in the client thread."""
        if self.app.conf.task_always_eager:
            return [self.apply(args, kwargs, **options) for args, kwargs in calls]
        sent, context, client = self._bulk(options), copy_context(), self.app.client()
        steps = self._steps(sent, calls)
        while await client.call(lambda: context.run(next, steps, None)) is not None:
            pass
        return sent.results

    def _bulk(self, options: Mapping[str, Any]) -> _Bulk[R]:
        app = self.app
        template = app.template(self.name, self, options, None)
        return _Bulk(template, Sent([], app, self.shape, bool(template.ignore_result)), options, {})

    def _steps(self, bulk: _Bulk[R], calls: Iterable[tuple[Sequence[Any], Mapping[str, Any] | None]]) -> Iterator[int]:
        """Publish batch after batch; yields how many messages each one had."""
        for batch in batches(self._parcels(bulk, calls)):
            copies = [copy for parcel in batch for copy in bulk.copies.pop(parcel.id, ())] if bulk.copies else []
            try:
                self.app.publish([*batch, *copies] if copies else batch, bulk.template.retry_policy)
            except OperationalError as error:
                error.add_note(f"{len(bulk.results)} tasks of this bulk call were sent before.")
                error.sent = bulk.results  # type: ignore[attr-defined]  # what the caller needs to go on after it
                raise
            bulk.results.ids.extend(parcel.id for parcel in batch)
            yield len(batch)

    def _parcels(
        self, bulk: _Bulk[R], calls: Iterable[tuple[Sequence[Any], Mapping[str, Any] | None]]
    ) -> Iterator[Parcel]:
        parent, fill, check, template = sending_request(), self.app.fill, self._check, bulk.template
        routed = template.each_call or bool(template.also)
        for args, given in calls:
            kwargs = given if given is not None else _NOTHING
            check(args, kwargs)
            if routed:
                yield self._routed(bulk, args, kwargs, parent)
            else:
                yield fill(template, args, kwargs, new_id(), parent)

    def _routed(self, bulk: _Bulk[R], args: Any, kwargs: Any, parent: Context | None) -> Parcel:
        """One message of a bulk call whose way is its own, or leads into several queues."""
        app, template = self.app, bulk.template
        if template.each_call:
            template = app.template(self.name, self, bulk.options, (args, kwargs))
        parcel = app.fill(template, args, kwargs, new_id(), parent)
        if template.also:
            bulk.copies[parcel.id] = template.spread(parcel)[1:]
        return parcel


def sending_request() -> Context | None:
    """The request of the running task, past those that were called as functions."""
    frame: Context | None = request_var.get()
    while frame is not None and frame.called_directly:
        frame = frame.outer
    return frame
