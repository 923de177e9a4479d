"""One attempt on the event loop, and the guard that steps its coroutine.

The guard stands between the loop's task and the user's coroutine and passes on what each sends the other. To interrupt,
it cancels what the coroutine waits for, as ``Task.cancel()`` would, and when the task is resumed, with whatever, it
throws the error into the coroutine in its place. ``Task.cancel()`` itself is not called: such a request could outlive
the coroutine, and ``asyncio.timeout`` and ``TaskGroup`` would count it as theirs.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol

from ...pool import Attempt
from .standin import restored, stand_in


class Stage(Protocol):
    """Where it is noted whose code the loop executes at this moment."""

    acting: Attempt | None


class CoroutineGuard:
    """One attempt, and its guard. Other threads read ``armed``; everything else is the loop's thread's.

    Attributes:
        attempt: what is run.
        task: the loop's task that runs it, kept because the loop does not.
        armed: True while the user's coroutine lives.
        waiting: the future that it waits for; None when it only lets others pass.
        pending: the error to throw when the task is resumed.
    """

    __slots__ = ("_stage", "armed", "attempt", "pending", "task", "waiting")

    def __init__(self, attempt: Attempt, stage: Stage) -> None:
        self._stage = stage
        self.attempt = attempt
        self.task: asyncio.Task[None] | None = None
        self.armed = False
        self.waiting: asyncio.Future[Any] | None = None
        self.pending: BaseException | None = None

    async def acall(self, function: Callable[..., Awaitable[Any]], args: Any, kwargs: Any) -> Any:
        try:
            return await self._drive(_coroutine(function(*args, **kwargs)))
        except BaseException as raised:
            error = restored(raised)
            if error is None:
                raise
        finally:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                await _forget_cancel(task)
        try:
            raise error  # here and not above, or the stand-in would be shown as what happened before it
        finally:
            del error  # its traceback has this frame: only the garbage collector could free the task's objects

    def inject(self, error: BaseException) -> None:
        """Throw into the coroutine at its await; on the loop's thread. A second error replaces one not thrown yet."""
        if self.armed:
            self.pending = error
            if self.waiting is not None:
                self.waiting.cancel()

    @types.coroutine
    def _drive(self, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        stage = self._stage
        step: Callable[[Any], Any] = coroutine.send
        argument: Any = None
        self.armed = True
        try:
            while True:
                stage.acting = self.attempt
                self.waiting = step(argument)
                stage.acting = None
                try:
                    argument = yield self.waiting
                    step = coroutine.send
                except BaseException as raised:
                    step, argument = coroutine.throw, raised
                if self.pending is not None:
                    step, argument = coroutine.throw, stand_in(self.pending)
                    self.pending = None
        except StopIteration as stop:
            return stop.value
        finally:
            stage.acting = None
            self.armed = False
            self.waiting = argument = None


def _coroutine(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    return awaitable if isinstance(awaitable, types.CoroutineType) else _awaited(awaitable)


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


async def _forget_cancel(task: asyncio.Task[Any]) -> None:
    """Take the cancellation that the user's code asked for its own task, and did not live to see, off the runner."""
    while task.cancelling():
        task.uncancel()
    try:
        await asyncio.sleep(0)  # until CPython 3.13 only a turn of the loop takes the request itself away
    except asyncio.CancelledError:
        pass
