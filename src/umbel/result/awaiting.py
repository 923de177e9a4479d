"""The twins of `AsyncResult`'s questions for coroutines: asked in the client thread, so that the event loop goes on."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ..sender import App


class Awaiting:
    """What `AsyncResult` has with an ``a`` in front; ``aget`` stands beside ``get``."""

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

    async def astate(self) -> str:
        """`state`."""
        return str(await self._read("state"))

    async def ainfo(self) -> Any:
        """`info`: what it returned or raised, or the progress that it reported."""
        return await self._read("result")

    async def aready(self) -> bool:
        """`ready`."""
        return bool(await self._ask("ready"))

    async def asuccessful(self) -> bool:
        """`successful`."""
        return bool(await self._ask("successful"))

    async def afailed(self) -> bool:
        """`failed`."""
        return bool(await self._ask("failed"))

    async def aexists(self) -> bool:
        """`exists`."""
        return bool(await self._ask("exists"))

    async def aforget(self) -> None:
        """`forget`."""
        await self._ask("forget")

    async def arevoke(
        self, connection: Any = None, terminate: bool = False, signal: str | int | None = None, wait: bool = False,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """`revoke`."""
        await self._ask("revoke", connection, terminate, signal, wait, timeout)
