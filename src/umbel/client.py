"""The client thread: does the blocking calls of coroutines, so that no event loop ever waits for a store.

    coroutine --job--> queue --> client thread --call_soon_threadsafe--> its future

One thread a process and app, started by the first `await` and dropped at a fork. Any number of coroutines that wait for
results share its one subscription. Only the queue and the futures are shared between threads.

While the store is away the waiters stay: those whose wait is bounded to its end, the others as long as the policy of an
outage says.
"""

from __future__ import annotations

import math
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from . import clock
from .backend import Watch
from .backoff import AWAY, Patience
from .record import Record

_LOOK_AGAIN = 1.0  # seconds after which a watch may be doubted (see backend.Watch)


class Source(Protocol):
    """Where results are looked up; each thread has its own connection."""

    def fetch(self, ids: list[str]) -> dict[str, Record]: ...

    def watch(self) -> Watch: ...


class _Job:
    """One call that a coroutine awaits, or its wait for a result; a bounded wait outlasts every outage."""

    __slots__ = ("bounded", "call", "future", "loop")

    def __init__(self, call: Callable[[], Any], loop: Any, future: Any, *, bounded: bool = False) -> None:
        self.call = call
        self.loop = loop
        self.future = future
        self.bounded = bounded

    def run(self) -> None:
        if self.future.done():  # given up while it stood in the queue
            return
        try:
            self.answer(self.call(), None)
        except BaseException as error:  # it belongs to the coroutine, whatever it is
            self.answer(None, error)

    def answer(self, value: Any, error: BaseException | None) -> None:
        try:
            self.loop.call_soon_threadsafe(_settle, self.future, value, error)
        except RuntimeError:  # the loop was closed meanwhile; nobody waits any more
            pass


def _settle(future: Any, value: Any, error: BaseException | None) -> None:
    if future.done():  # cancelled meanwhile
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)


class Client:
    """The thread and its queue.

    Args:
        source: where results are looked up.
        is_ready: whether a record is the last one of its task.
        policy: how an outage is borne (`backoff.Patience`).

    Attributes:
        trouble: why the store could not be asked the last time, None when it could.
    """

    def __init__(
        self, source: Source, is_ready: Callable[[Record], bool], policy: Mapping[str, Any] | None = None
    ) -> None:
        self._source = source
        self._is_ready = is_ready
        self._patience = Patience(policy)
        self._not_before = 0.0
        self._unwatched: set[str] = set()
        self.trouble: Exception | None = None
        self._jobs: deque[_Job] = deque()
        self._waiting: dict[str, list[_Job]] = {}
        self._arrivals: deque[tuple[str, _Job, bool]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._closing = False
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, name="umbel-client", daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[], Any]) -> Any:
        """Run a blocking function in the client thread."""
        job = self._job(function)
        self._jobs.append(job)
        self._wake()
        return await job.future

    async def ready(self, task_id: str, *, bounded: bool = False) -> Record:
        """Wait for the last state of a task.

        Args:
            task_id: the task's.
            bounded: the caller ends the wait by itself, so no outage does.
        """
        job = self._job(lambda: None, bounded=bounded)
        self._arrivals.append((task_id, job, True))
        self._wake()
        try:
            found: Record = await job.future
        finally:
            if job.future.cancelled():
                self._arrivals.append((task_id, job, False))
                self._wake()
        return found

    def _job(self, function: Callable[[], Any], *, bounded: bool = False) -> _Job:
        import asyncio  # noqa: PLC0415 - 40 ms that a program without coroutines does not pay

        loop = asyncio.get_running_loop()
        return _Job(function, loop, loop.create_future(), bounded=bounded)

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"w")
        except BlockingIOError:  # it is full: the thread will wake
            pass

    def close(self) -> None:
        """Stop the thread; safe to repeat."""
        if not self._closing:
            self._closing = True
            self._wake()
            self._thread.join(timeout=5.0)

    def abandon(self) -> None:
        """After a fork: the thread is not here, only its pipe is."""
        os.close(self._wake_read)
        os.close(self._wake_write)

    # From here on: the client thread.

    def _run(self) -> None:
        while not self._closing:
            self._drain()
            self._admit()
            for _ in range(len(self._jobs)):  # not more: those who wait for results have their turn between jobs
                self._jobs.popleft().run()
            started = clock.monotonic()
            if self._waiting and started >= self._not_before:
                self._look()
            self._sleep(clock.monotonic() - started)
        if self._watch is not None:
            self._watch.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _drain(self) -> None:
        try:
            while len(os.read(self._wake_read, 4096)) == 4096:
                pass
        except BlockingIOError:
            pass

    def _admit(self) -> None:
        """Take up new waiters and let cancelled ones go."""
        while self._arrivals:
            task_id, job, comes = self._arrivals.popleft()
            if comes:
                if task_id not in self._waiting:
                    self._unwatched.add(task_id)
                self._waiting.setdefault(task_id, []).append(job)
            else:
                self._leave(task_id, job)

    def _leave(self, task_id: str, job: _Job) -> None:
        jobs = self._waiting.get(task_id, [])
        if job in jobs:
            jobs.remove(job)
        if not jobs and task_id in self._waiting:
            self._forget([task_id])

    def _look(self) -> None:
        """Subscribe to what is new, then look for all."""
        ids = list(self._waiting)
        try:
            if self._unwatched:
                self._watching().add(self._unwatched)
                self._unwatched.clear()
            found = self._source.fetch(ids)
        except AWAY as error:
            self._bear(error)
            return
        except Exception as error:
            self._fail(ids, error)
            return
        self._patience.reset()
        self.trouble = None
        done = [task_id for task_id, record in found.items() if self._is_ready(record)]
        for task_id in done:
            for job in self._waiting.pop(task_id):
                job.answer(found[task_id], None)
        if done and self._watch is not None:
            self._watch.discard(done)

    def _watching(self) -> Watch:
        if self._watch is None:
            self._watch = self._source.watch()
        return self._watch

    def _bear(self, error: Exception) -> None:
        """The store is away: ask again later; whoever has no end of its own waits as long as the policy says."""
        self.trouble = error
        pause = self._patience.pause()
        self._not_before = clock.monotonic() + (_LOOK_AGAIN if pause is None else pause)
        if pause is None:
            for jobs in self._waiting.values():
                for job in jobs:
                    if not job.bounded:
                        job.answer(None, error)
                jobs[:] = [job for job in jobs if job.bounded]
            self._forget([task_id for task_id, jobs in self._waiting.items() if not jobs])

    def _fail(self, ids: Iterable[str], error: Exception) -> None:
        for task_id in ids:
            for job in self._waiting.get(task_id, ()):
                job.answer(None, error)
        self._forget(ids)

    def _forget(self, ids: Iterable[str]) -> None:
        """Nobody waits for these any more."""
        for task_id in ids:
            self._waiting.pop(task_id, None)
            self._unwatched.discard(task_id)
        if self._watch is not None:
            self._watch.discard(ids)

    def _sleep(self, looked: float) -> None:
        """Until a job, a waiter or a result is there; after a long look (seconds) at least as long as it took."""
        if self._jobs or self._arrivals:
            return
        if not self._waiting:
            _until_readable(self._wake_read)
            return
        pause = self._not_before - clock.monotonic()
        if pause > 0 or self._unwatched or self._watch is None:
            _until_readable(self._wake_read, max(0.0, pause))
            return
        if looked > 0.002:
            _until_readable(self._wake_read, looked)
        self._watch.wait(_LOOK_AGAIN, self._wake_read)


def _until_readable(descriptor: int, seconds: float | None = None) -> None:
    """Sleep; by poll() where there is one: select() takes no descriptor above 1,023, and servers have thousands."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(None if seconds is None else math.ceil(seconds * 1000))
    else:
        select.select([descriptor], [], [], seconds)
