"""Sent: the results of a bulk call, as a sequence that makes each handle when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from ..sender import App
from .handle import AsyncResult, Shape

R_co = TypeVar("R_co", covariant=True)


class Sent(Sequence[AsyncResult[R_co]]):
    """What a bulk call returns: as many results as messages, in their order; it holds only their ids.

    Attributes:
        ids: the task ids.
    """

    __slots__ = ("_app", "_ignored", "_shape", "ids")

    def __init__(self, ids: list[str], app: App, shape: Shape | None = None, ignored: bool = False) -> None:
        self.ids = ids
        self._app = app
        self._shape = shape
        self._ignored = ignored

    def _handle(self, task_id: str) -> AsyncResult[R_co]:
        return AsyncResult.sent(task_id, self._app, self._shape, self._ignored)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> AsyncResult[R_co]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[AsyncResult[R_co]]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sent(self.ids[index], self._app, self._shape, self._ignored)
        return self._handle(self.ids[index])

    def __iter__(self) -> Iterator[AsyncResult[R_co]]:
        return map(self._handle, self.ids)

    def __repr__(self) -> str:
        return f"<Sent: {len(self.ids)} tasks>"
