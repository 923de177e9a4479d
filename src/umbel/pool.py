"""The pool contract: an executor inside one child. Inline, thread and asyncio are its rooms.

A pool runs **attempts** and puts their outcomes on the outcome queue that it was built with. It interrupts code only
inside the frame of the task's function, through the **guard** that it hands to the attempt: whatever the moment, no
injected exception is ever raised in the runner or in the next task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from .outcome import Outcome


class Guard(Protocol):
    """Runs a task's function so that it can be interrupted, and only it."""

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call; raises what the function raises, or the injected exception."""
        ...


class AsyncGuard(Protocol):
    async def acall(self, function: Callable[..., Awaitable[Any]], args: Any, kwargs: Any) -> Any: ...


class Attempt(Protocol):
    """One run of one message, made by the runner; an object of its own for each run. `run` and `arun` do not raise."""

    tag: int
    is_async: bool

    def run(self, guard: Guard) -> Outcome: ...

    async def arun(self, guard: AsyncGuard) -> Outcome: ...


class OutcomeQueue(Protocol):
    """Where finished outcomes go. Appending is atomic; the child's loop is woken when it sleeps."""

    def put(self, outcome: Outcome) -> None: ...


class Pool(Protocol):
    """An executor inside a child."""

    def free(self) -> int:
        """Free slots now."""
        ...

    def submit(self, attempt: Attempt) -> None:
        """Run it: at once and to its end (inline), or hand it over (thread, asyncio). Needs a free slot."""
        ...

    def interrupt(self, tag: int, error: BaseException) -> bool:
        """Raise ``error`` inside the function that runs under ``tag``; False when none does (any more)."""
        ...

    def abandon(self, tag: int) -> bool:
        """Give up what runs under ``tag`` and cannot be interrupted: its outcome is discarded, its slot not used again.

        Returns:
            False when nothing runs under that tag (its outcome was put), and always where a slot cannot be given up.
        """
        ...

    def stalled(self, now: float) -> float:
        """Seconds for which the pool as a whole has made no turn while it has work; ``now`` is on the monotonic clock.

        Only an event loop can stall; the other pools say 0.0.
        """
        ...

    def close(self, timeout: float) -> None:
        """Stop the executor; waits up to ``timeout`` seconds for what runs, then raises `Interrupted` inside it."""
        ...
