"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_log = logging.getLogger("umbel.pool")


class LoopThread:
    """Starts the loop when it is made; any thread may use it.

    What is called here runs in a copy of the context in which this was made, so a task that is created there does not
    see what happened to be set where it was submitted.

    Attributes:
        loop: the loop itself, for its own thread.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._context = contextvars.copy_context()
        self._stop = self.loop.create_future()
        self._thread = threading.Thread(target=self._serve, name="umbel-loop", daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., object], *args: Any) -> bool:
        """Have the loop call a function soon; False when it has ended."""
        try:
            self.loop.call_soon_threadsafe(function, *args, context=self._context)
        except RuntimeError:
            return False
        return True

    def end(self, last: Coroutine[Any, Any, None], timeout: float) -> None:
        """Run a last coroutine, cancel what else is there, end the thread; waits ``timeout`` seconds at most."""
        asyncio.run_coroutine_threadsafe(self._end(last), self.loop)
        self._thread.join(timeout)

    async def _end(self, last: Coroutine[Any, Any, None]) -> None:
        try:
            await last
        finally:
            self._stop.set_result(None)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop):  # its exit cancels what was left running in the background
            while not self._stop.done():
                try:
                    self.loop.run_until_complete(self._stop)
                except (SystemExit, KeyboardInterrupt):
                    # asyncio lets these out of the loop when a task that the user's code made raises them
                    _log.exception("A background task of a coroutine asked the process to exit; the loop goes on.")
