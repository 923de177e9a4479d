"""The twins of results' questions for coroutines: asked in the client thread, so that the event loop goes on."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from ..exceptions import IncompleteStream
from ..sender import App
from . import waiting
from .joining import assert_will_not_block


class Asking:
    """What all of them do."""

    __slots__ = ()

    @property
    @abstractmethod
    def app(self) -> App:
        """The app whose store is asked."""
        ...

    async def _ask(self, question: str, *args: Any) -> Any:
        return await self.app.client().call(lambda: getattr(self, question)(*args))

    async def _read(self, name: str) -> Any:
        return await self.app.client().call(lambda: getattr(self, name))

    async def aready(self) -> bool:
        """`ready`."""
        return bool(await self._ask("ready"))

    async def asuccessful(self) -> bool:
        """`successful`."""
        return bool(await self._ask("successful"))

    async def afailed(self) -> bool:
        """`failed`."""
        return bool(await self._ask("failed"))

    async def aforget(self) -> None:
        """`forget`."""
        await self._ask("forget")

    async def arevoke(
        self, connection: Any = None, terminate: bool = False, signal: str | int | None = None, wait: bool = False,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """`revoke`."""
        await self._ask("revoke", connection, terminate, signal, wait, timeout)


class Awaiting(Asking):
    """What `AsyncResult` has with an ``a`` in front; ``aget`` stands beside ``get``."""

    __slots__ = ()

    async def astate(self) -> str:
        """`state`."""
        return str(await self._read("state"))

    async def ainfo(self) -> Any:
        """`info`: what it returned or raised, or the progress that it reported."""
        return await self._read("result")

    async def aexists(self) -> bool:
        """`exists`."""
        return bool(await self._ask("exists"))

    async def acollect(self, intermediate: bool = False, **kwargs: Any) -> AsyncIterator[tuple[Any, Any]]:
        """`collect`.

        Example:
            >>> [value async for result, value in tree.delay().acollect()]   # doctest: +SKIP
        """
        found: deque[Any] = deque([self])
        while found:
            node = found.popleft()
            yield node, await node.aget(**kwargs)
            if await node.aready():
                found.extend(node.children or ())
            elif not intermediate:
                raise IncompleteStream(f"{node.id} has not ended, so what it sent is not known yet.")

    async def aget_leaf(self) -> Any:
        """`get_leaf`."""
        values = [value async for _, value in self.acollect()]
        return values[-1]


class AwaitingAll(Asking):
    """The same of `ResultSet`."""

    results: list[Any]

    @abstractmethod
    def _looked(self) -> Any: ...

    @abstractmethod
    def _name(self) -> str: ...

    async def aget(
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None, no_ack: bool = True, on_message: Any = None,
        disable_sync_subtasks: bool = True, on_interval: Callable[[], Any] | None = None,
    ) -> list[Any]:  # fmt: skip
        """`get` for coroutines: the event loop goes on, so ``on_interval`` is never called."""
        if disable_sync_subtasks:
            assert_will_not_block()
        wait = waiting.Wait(self.app, self._name(), timeout)
        await waiting.aask(self.app, wait, lambda: [*self._looked()])
        values = []
        for result in [*self.results]:
            left = None if timeout is None else max(wait.left(), 0.0)
            value = await result.aget(timeout=left, propagate=propagate, disable_sync_subtasks=disable_sync_subtasks)
            if callback is None:
                values.append(value)
            else:
                callback(result.id, value)
        return values

    ajoin = aget

    async def ajoin_native(
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None, no_ack: bool = True, on_message: Any = None,
        on_interval: Callable[[], Any] | None = None, disable_sync_subtasks: bool = True,
    ) -> list[Any]:  # fmt: skip
        """`join_native`."""
        return await self.aget(timeout, propagate, callback=callback, disable_sync_subtasks=disable_sync_subtasks)

    async def awaiting(self) -> bool:
        """`waiting`."""
        return bool(await self._ask("waiting"))

    async def acompleted_count(self) -> int:
        """`completed_count`."""
        return int(await self._ask("completed_count"))


class AwaitingSaved(AwaitingAll):
    """The same of `GroupResult`."""

    async def asave(self, backend: Any = None) -> None:
        """`save`."""
        await self._ask("save", backend)

    async def adelete(self, backend: Any = None) -> None:
        """`delete`."""
        await self._ask("delete", backend)
