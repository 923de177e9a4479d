"""Waiting for the last state of a task: look, subscribe, look again, wait.

A store that can tell whether it knows an id ends the wait for one that it has never seen, or not any more.

A store that is away is waited for: the task is running somewhere, and its result will be there. A wait with a timeout
ends with that timeout; one without, when the outage has outlasted the policy of `result_backend_transport_options`.
"""

from __future__ import annotations

import builtins
import math
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .. import clock, states
from ..backend import Backend
from ..backoff import AWAY, Patience
from ..exceptions import ImproperlyConfigured, OperationalError, TimeoutError, UnknownResultError
from ..record import Record
from ..sender import ResultSource

LOOK_AGAIN = 1.0
"""Seconds after which a subscription is doubted (see `backend.Watch`)."""

Answer = TypeVar("Answer")


def results_of(source: ResultSource) -> Backend:
    """This thread's backend.

    Raises:
        ImproperlyConfigured: the app keeps no results.
    """
    backend = source.backend()
    if backend is None:
        raise ImproperlyConfigured(
            "This app keeps no results: set result_backend to the URL of a store, for instance sqlite:///results.db."
        )
    return backend


def is_ready(record: Record) -> bool:
    """Whether it is the last state of its task."""
    return record.status in states.READY_STATES


def look(source: ResultSource, task_id: str) -> Record | None:
    """The newest state that is stored."""
    return results_of(source).fetch((task_id,)).get(task_id)


def known(source: ResultSource, task_id: str) -> bool | None:
    """Whether a task is stored, waiting or running; None where the results are not kept with the messages."""
    return results_of(source).known(task_id) if source.settles_results else None


def look_or_refuse(source: ResultSource, task_id: str) -> Record | None:
    """The newest state, None when the task waits or runs.

    Raises:
        UnknownResultError: nobody here knows this id.
    """
    found = look(source, task_id)
    if found is not None or known(source, task_id) is not False:
        return found
    found = look(source, task_id)  # it may have ended between the two questions
    if found is None:
        raise UnknownResultError(
            f"No task {task_id} is stored, waiting or running here: it was never sent to this store, its result has "
            "expired, or none was kept."
        )
    return found


class Wait:
    """One wait, over outages of the store.

    Args:
        source: the app.
        task_id: the task's.
        timeout: seconds, None for ever.
        on_interval: called at least once a second while waiting.

    Attributes:
        timeout: as given.
        trouble: why the store could not be asked the last time, None when it could.
    """

    def __init__(
        self, source: ResultSource, task_id: str, timeout: float | None, on_interval: Callable[[], Any] | None = None
    ) -> None:
        self._task_id = task_id
        self.timeout = timeout
        self._deadline = math.inf if timeout is None else clock.monotonic() + timeout
        self._on_interval = on_interval
        self._patience = patience_of(source)
        self._nap = threading.Event()
        self.trouble: Exception | None = None

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask the store until it answers.

        Raises:
            TimeoutError: not before the end of the wait.
            OperationalError: it was away for longer than a wait without end bears.
        """
        while True:
            try:
                answer = question()
            except AWAY as error:
                self._nap.wait(self.pause(error))
                self.interval()
            else:
                self.answered()
                return answer

    def answered(self) -> None:
        """The outage is over, if there was one."""
        self._patience.reset()
        self.trouble = None

    def pause(self, error: OperationalError) -> float:
        """Seconds before the store is asked again after this error; raises as `ask` does."""
        self.trouble = error
        pause = self._patience.pause()
        if self.timeout is None:
            if pause is None:
                raise error
            return pause
        left = self.left()
        if left <= 0:
            raise timed_out(self._task_id, self.timeout, error) from error
        return min(left, 1.0 if pause is None else pause)

    def left(self) -> float:
        """Seconds until its end."""
        return self._deadline - clock.monotonic()

    def interval(self) -> None:
        """Tell the caller that it goes on."""
        if self._on_interval is not None:
            self._on_interval()

    def end(self, timeout: float) -> None:
        """Raise when it is over."""
        if timeout <= 0:
            raise timed_out(self._task_id, self.timeout)


def patience_of(source: ResultSource) -> Patience:
    """How long an outage of the results is borne."""
    return Patience((source.conf.result_backend_transport_options or {}).get("retry_policy"))


def wait_for(source: ResultSource, task_id: str, wait: Wait, *, sent_here: bool) -> Record:
    """Wait for the last state of a task.

    Args:
        source: the app.
        task_id: the task's.
        wait: how long, and over which outages.
        sent_here: this process has sent it, so an unknown id is not refused.

    Raises:
        TimeoutError: it did not end in time.
        UnknownResultError: nobody here knows this id.
        OperationalError: the store was away for too long.
    """
    record = wait.ask(lambda: look(source, task_id))
    if record is not None and is_ready(record):
        return record
    watch = source.watch()
    wait.ask(lambda: watch.add((task_id,)))
    question = look if sent_here else look_or_refuse
    try:
        while True:
            record = wait.ask(lambda: question(source, task_id))
            if record is not None and is_ready(record):
                return record
            left = min(LOOK_AGAIN, wait.left())
            wait.end(left)
            watch.wait(left)
            wait.interval()
    finally:
        watch.discard((task_id,))


def timed_out(task_id: str, timeout: float | None, error: Exception | None = None) -> TimeoutError:
    """The error of a wait that was too long.

    Args:
        task_id: the task's.
        timeout: seconds.
        error: why the store could not be asked at its end.
    """
    what = "did not end" if error is None else "may have ended, but its result could not be read"
    return TimeoutError(f"The task {task_id} {what} within {timeout} seconds." + (f" {error}" if error else ""))


async def await_for(source: ResultSource, task_id: str, wait: Wait, *, sent_here: bool) -> Record:
    """`wait_for` in the client thread."""
    import asyncio  # noqa: PLC0415 - 40 ms that a program without coroutines does not pay

    client, timeout = source.client(), wait.timeout
    question = look if sent_here else look_or_refuse
    try:
        async with asyncio.timeout(timeout):
            record = await aask(source, wait, lambda: question(source, task_id))
            if record is not None and is_ready(record):
                return record
            return await client.ready(task_id, bounded=timeout is not None)
    except builtins.TimeoutError as error:
        if isinstance(error, OperationalError | TimeoutError):  # the store's own at the end of patience, or ours
            raise
        trouble = wait.trouble or client.trouble
        raise timed_out(task_id, timeout, trouble) from trouble


async def aask(source: ResultSource, wait: Wait, question: Callable[[], Answer]) -> Answer:
    """`Wait.ask` in the client thread."""
    import asyncio  # noqa: PLC0415 - as above

    while True:
        try:
            answer: Answer = await source.client().call(question)
        except AWAY as error:
            await asyncio.sleep(wait.pause(error))
        else:
            wait.answered()
            return answer
