"""Waiting for the last state of a task: look, subscribe, look again, wait.

A store that can tell whether it knows an id ends the wait for one that it has never seen, or not any more.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from .. import clock, states
from ..backend import Backend
from ..exceptions import ImproperlyConfigured, TimeoutError, UnknownResultError
from ..record import Record
from ..sender import ResultSource

LOOK_AGAIN = 1.0
"""Seconds after which a subscription is doubted (see `backend.Watch`)."""


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


def wait_for(
    source: ResultSource, task_id: str, timeout: float | None, *, sent_here: bool, on_interval: Callable[[], Any] | None
) -> Record:
    """Wait for the last state of a task.

    Args:
        source: the app.
        task_id: the task's.
        timeout: seconds, None for ever.
        sent_here: this process has sent it, so an unknown id is not refused.
        on_interval: called at least once a second while waiting.

    Raises:
        TimeoutError: it did not end in time.
        UnknownResultError: nobody here knows this id.
    """
    record = look(source, task_id)
    if record is not None and is_ready(record):
        return record
    deadline = None if timeout is None else clock.monotonic() + timeout
    watch = source.watch()
    watch.add((task_id,))
    try:
        while True:
            record = look(source, task_id) if sent_here else look_or_refuse(source, task_id)
            if record is not None and is_ready(record):
                return record
            left = LOOK_AGAIN if deadline is None else min(LOOK_AGAIN, deadline - clock.monotonic())
            if left <= 0:
                raise timed_out(task_id, timeout)
            watch.wait(left)
            if on_interval is not None:
                on_interval()
    finally:
        watch.discard((task_id,))


def timed_out(task_id: str, timeout: float | None) -> TimeoutError:
    """The error of a wait that was too long."""
    return TimeoutError(f"The task {task_id} did not end within {timeout} seconds.")


async def await_for(source: ResultSource, task_id: str, timeout: float | None, *, sent_here: bool) -> Record:
    """`wait_for` in the client thread."""
    import asyncio  # noqa: PLC0415 - 40 ms that a program without coroutines does not pay

    client = source.client()
    ask = look if sent_here else look_or_refuse
    try:
        async with asyncio.timeout(timeout):
            record: Record | None = await client.call(lambda: ask(source, task_id))
            return record if record is not None and is_ready(record) else await client.ready(task_id)
    except builtins.TimeoutError:
        raise timed_out(task_id, timeout) from None
