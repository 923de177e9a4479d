"""EagerResult: the result of a task that ran in the caller, by `apply()` or under `task_always_eager`."""

from __future__ import annotations

from typing import Any, TypeVar

from .. import states
from .handle import AsyncResult

R_co = TypeVar("R_co", covariant=True)


class EagerResult(AsyncResult[R_co]):
    """A result that is there already.

    Args:
        id: task id; None for what was never sent.
        ret_value: what the task returned or raised.
        state: its state.
        traceback: text of the traceback.
        name: task name.

    Example:
        >>> EagerResult("an-id", 5, "SUCCESS").get()
        5
    """

    __slots__ = ("_state", "_traceback", "_value_now")

    def __init__(
        self, id: str | None, ret_value: Any, state: str, traceback: str | None = None, name: str | None = None
    ) -> None:
        super().__init__(id or "-", task_name=name)
        self.id = id  # type: ignore[assignment]  # base classes of tasks make results of what was never sent
        self._value_now = ret_value
        self._state = state
        self._traceback = traceback

    def _document(self) -> dict[str, Any]:
        return {"status": self._state, "result": self._value_now, "traceback": self._traceback}

    def _value(self, document: dict[str, Any]) -> Any:
        return document["result"]

    @property
    def _ended(self) -> bool:
        return True

    def _with_note(self, error: BaseException, document: dict[str, Any]) -> BaseException:
        return error

    def get(  # type: ignore[override]  # Celery's signature: there is nothing to wait for
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True, **kwargs: Any
    ) -> R_co:
        """What the task returned; raises what it raised, unless ``propagate`` is False."""
        value: R_co = self.maybe_throw(propagate)
        return value

    wait = get  # type: ignore[assignment]  # as get()

    async def aget(  # type: ignore[override]  # as get()
        self, timeout: float | None = None, propagate: bool = True, disable_sync_subtasks: bool = True, **kwargs: Any
    ) -> R_co:
        """`get` for coroutines."""
        return self.get(timeout, propagate, disable_sync_subtasks, **kwargs)

    async def _ask(self, question: str, *args: Any) -> Any:
        return getattr(self, question)(*args)

    async def _read(self, name: str) -> Any:
        return getattr(self, name)

    def exists(self) -> bool:
        return True

    @property
    def known(self) -> bool | None:
        return True

    @property
    def backend(self) -> None:
        """None: nothing is stored."""

    def forget(self) -> None:
        """Nothing is stored."""

    def revoke(self, *args: Any, **kwargs: Any) -> None:
        """It has ended; only its state changes."""
        self._state = states.REVOKED

    async def arevoke(self, *args: Any, **kwargs: Any) -> None:
        """`revoke`."""
        self.revoke(*args, **kwargs)
