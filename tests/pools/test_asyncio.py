"""Interrupting coroutines that use what asyncio offers, and watching the loop."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from contextvars import ContextVar

import pytest

from tests.pools.labs import Call
from tests.support.until import until
from umbel import clock
from umbel.exceptions import Interrupted, SoftTimeLimitExceeded, Terminated

trace: list[str] = []


@pytest.fixture(autouse=True)
def fresh_trace():
    trace.clear()


async def child():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        trace.append("child cancelled")
        raise


async def group_waiting_at_its_end():
    async with asyncio.TaskGroup() as group:
        group.create_task(child())


async def group_waiting_in_its_body():
    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        await asyncio.sleep(60)


async def gathered():
    await asyncio.gather(child(), asyncio.sleep(60))


async def waited_for():
    await asyncio.wait_for(child(), 60)


async def awaited_task():
    await asyncio.create_task(child())


async def timed():
    async with asyncio.timeout(60):
        await child()


async def timed_twice():
    async with asyncio.timeout(60), asyncio.timeout(50):
        await child()


def interrupted(loop, function, error, tag=1):
    """Run a coroutine and interrupt it when it waits."""
    loop.submit(Call(tag, function, is_async=True))
    until(lambda: loop.pool.interrupt(tag, error))
    assert loop.outcomes.wait(1, 10), "the interrupt ended nothing"
    return loop.outcomes.of(tag)[0]


def waiting_in(function):
    """The function, and an event that is set in the loop when everything it started has had its turn."""
    ready = threading.Event()

    async def wrapped():
        running = asyncio.get_running_loop()
        running.call_soon(lambda: running.call_soon(lambda: running.call_soon(ready.set)))
        return await function()

    return wrapped, ready


@pytest.mark.parametrize(
    "function",
    [group_waiting_at_its_end, group_waiting_in_its_body, gathered, waited_for, awaited_task, timed, timed_twice],
)
@pytest.mark.parametrize("kind", [SoftTimeLimitExceeded, Terminated, Interrupted])
def test_children_of_an_interrupted_coroutine_are_cancelled(loop, function, kind):
    error = kind("stop")
    wrapped, ready = waiting_in(function)
    loop.submit(Call(1, wrapped, is_async=True))
    assert ready.wait(10)
    assert loop.pool.interrupt(1, error)
    assert loop.outcomes.wait(1, 10)
    assert loop.outcomes.of(1)[0].raised is error
    assert trace == ["child cancelled"]


def test_a_shielded_task_lives_on(loop):
    finished, started = threading.Event(), threading.Event()

    async def inner():
        started.set()
        await asyncio.sleep(0.05)
        finished.set()

    async def function():
        task = asyncio.create_task(inner())
        try:
            await asyncio.shield(task)
        except SoftTimeLimitExceeded:
            await task
            return "waited"

    loop.submit(Call(1, function, is_async=True))
    assert started.wait(10)
    assert loop.pool.interrupt(1, SoftTimeLimitExceeded(1))
    assert loop.outcomes.wait(1, 10)
    assert loop.outcomes.of(1)[0].value == "waited"
    assert finished.is_set()


def test_a_timeout_of_the_coroutine_is_its_own(loop):
    async def function():
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            return "timed out"

    loop.submit(Call(1, function, is_async=True))
    assert loop.outcomes.wait(1, 10)
    assert loop.outcomes.of(1)[0].value == "timed out"


def test_after_a_caught_limit_timeouts_and_groups_work_as_before(loop):
    async def function():
        try:
            async with asyncio.timeout(60):
                await asyncio.sleep(60)
        except SoftTimeLimitExceeded:
            cancelling = asyncio.current_task().cancelling()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, "child"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        return cancelling, task.result()

    assert interrupted(loop, function, SoftTimeLimitExceeded(1)).value == (0, "child")


def test_a_cancellation_by_the_coroutine_itself_stays_one(loop):
    async def function():
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    loop.submit(Call(1, function, is_async=True))
    assert loop.outcomes.wait(1, 10)
    assert type(loop.outcomes.of(1)[0].raised) is asyncio.CancelledError


def test_a_task_that_cancels_itself_is_cancelled_inside_only(loop):
    class Careful(Call):
        async def arun(self, guard):
            outcome = await super().arun(guard)
            await asyncio.sleep(0)
            trace.append("runner went on")
            return outcome

    async def cancel_and_return():
        asyncio.current_task().cancel()
        return "kept"

    async def cancel_and_wait():
        asyncio.current_task().cancel()
        await asyncio.sleep(60)

    loop.submit(Careful(1, cancel_and_return, is_async=True))
    loop.submit(Careful(2, cancel_and_wait, is_async=True))
    assert loop.outcomes.wait(2, 10)
    assert loop.outcomes.of(1)[0].value == "kept"
    assert type(loop.outcomes.of(2)[0].raised) is asyncio.CancelledError
    assert trace == ["runner went on"] * 2


def test_a_coroutine_that_only_lets_others_pass_is_interrupted(loop):
    async def spin():
        while True:  # noqa: ASYNC110 - the wait is what is tested
            await asyncio.sleep(0)

    error = Terminated("spinning")
    assert interrupted(loop, spin, error).raised is error


def test_a_child_that_swallows_the_cancellation_does_not_swallow_the_interrupt(loop):
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "never mind"

    async def function():
        return await asyncio.create_task(stubborn())

    error = SoftTimeLimitExceeded(1)
    wrapped, ready = waiting_in(function)
    loop.submit(Call(1, wrapped, is_async=True))
    assert ready.wait(10)
    loop.pool.interrupt(1, error)
    assert loop.outcomes.wait(1, 10)
    assert loop.outcomes.of(1)[0].raised is error


def test_what_a_finally_awaits_is_awaited(loop):
    async def function():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            trace.append("closed")

    error = Interrupted()
    assert interrupted(loop, function, error).raised is error
    assert trace == ["closed"]


def test_the_error_is_the_given_one_again_and_its_traceback_is_the_users(loop):
    async def wait_here():
        await asyncio.sleep(60)

    raised = interrupted(loop, wait_here, SoftTimeLimitExceeded(3)).raised
    text = "".join(traceback.format_exception(raised))
    assert type(raised) is SoftTimeLimitExceeded
    assert not isinstance(raised, asyncio.CancelledError)
    assert "in wait_here" in text
    assert "During handling" not in text
    assert text.rstrip().endswith("SoftTimeLimitExceeded: SoftTimeLimitExceeded(3,)")


def test_an_error_raised_from_the_interrupt_shows_it_as_its_cause(loop):
    async def function():
        try:
            await asyncio.sleep(60)
        except SoftTimeLimitExceeded as limit:
            raise LookupError("gave up") from limit

    raised = interrupted(loop, function, SoftTimeLimitExceeded(3)).raised
    text = "".join(traceback.format_exception(raised))
    assert type(raised) is LookupError
    assert "umbel.exceptions.SoftTimeLimitExceeded: SoftTimeLimitExceeded(3,)" in text


def test_anything_awaitable_is_awaited(loop):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    def future():
        made = asyncio.get_running_loop().create_future()
        made.get_loop().call_soon(made.set_result, "future")
        return made

    loop.submit(Call(1, Awaitable, is_async=True))
    loop.submit(Call(2, future, is_async=True))
    loop.submit(Call(3, lambda: 5, is_async=True))
    assert loop.outcomes.wait(3, 10)
    assert [loop.outcomes.of(tag)[0].value for tag in (1, 2)] == ["awaited", "future"]
    assert isinstance(loop.outcomes.of(3)[0].raised, TypeError)


def test_a_coroutine_may_start_processes_and_threads(loop):
    async def function():
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 3")
        return await process.wait(), await asyncio.to_thread(threading.current_thread) is not threading.main_thread()

    loop.submit(Call(1, function, is_async=True))
    assert loop.outcomes.wait(1, 20)
    assert loop.outcomes.of(1)[0].value == (3, True)


def test_each_attempt_has_a_context_of_its_own(loop):
    color = ContextVar("color", default="none")
    color.set("of the submitter")

    async def paint():
        seen = color.get()
        color.set("red")
        return seen

    for tag in range(1, 4):
        loop.submit(Call(tag, paint, is_async=True))
    assert loop.outcomes.wait(3, 10)
    assert {end.value for end in loop.outcomes.all} == {"none"}


def test_a_function_is_refused(loop):
    with pytest.raises(TypeError, match="def"):
        loop.pool.submit(Call(1, None))
    assert loop.pool.free() == loop.lab.slots


def test_more_than_the_slots_is_refused(loop):
    for tag in range(loop.lab.slots):
        loop.submit(Call(tag, child, is_async=True))
    with pytest.raises(RuntimeError, match="no free slot"):
        loop.pool.submit(Call(999, child, is_async=True))
    loop.pool.close(0)
    assert loop.outcomes.wait(loop.lab.slots, 10)


class Blocking:
    """A coroutine function that blocks the loop until the test lets it go."""

    def __init__(self):
        self.inside = threading.Event()
        self.release = threading.Event()
        self.ended = threading.Event()

    async def __call__(self):
        self.inside.set()
        self.release.wait(30)
        await asyncio.sleep(0.01)
        self.ended.set()
        return "late"


@pytest.fixture
def blocked(loop):
    """A loop that is blocked by the coroutine under tag 1, and a neighbour under tag 2."""
    function = Blocking()
    attempts = [Call(1, function, is_async=True), Call(2, child, is_async=True)]
    for attempt in attempts:
        loop.pool.submit(attempt)
    assert function.inside.wait(10)
    function.attempt = attempts[0]
    yield function
    function.release.set()
    loop.pool.close(0)


def test_a_blocked_loop_is_stalled_and_says_by_whom(loop, blocked):
    assert until(lambda: loop.pool.stalled(clock.monotonic()) > 0.3)
    assert loop.pool.acting is blocked.attempt
    blocked.release.set()
    until(lambda: loop.pool.stalled(clock.monotonic()) == 0.0)
    assert loop.pool.acting is None


def test_one_look_tells_how_long_the_loop_is_stalled(loop, blocked):
    begin = clock.monotonic()
    until(lambda: clock.monotonic() - begin > 0.4)
    assert 0.3 < loop.pool.stalled(clock.monotonic()) < 5


def test_a_coroutine_that_blocks_the_loop_is_given_up(loop, blocked):
    assert loop.pool.abandon(1)
    assert not loop.pool.abandon(1)
    assert loop.pool.free() == loop.lab.slots - 2
    blocked.release.set()
    until(lambda: loop.pool.interrupt(2, Terminated("the loop turns again")))
    assert loop.outcomes.wait(1, 10)
    assert [end.tag for end in loop.outcomes.all] == [2]
    until(lambda: loop.pool.free() == loop.lab.slots - 1)
    assert loop.pool.stalled(clock.monotonic() + 100) == 0.0


def test_the_message_of_a_given_up_coroutine_may_run_again(loop, blocked):
    second = asyncio.Event()

    async def wait():
        await second.wait()
        return "second run"

    loop.pool.abandon(1)
    loop.pool.submit(Call(1, wait, is_async=True))
    blocked.release.set()
    until(lambda: loop.pool.interrupt(2, Terminated("the loop turns again")))
    assert blocked.ended.wait(10)
    loop.pool._thread.call(second.set)
    assert loop.outcomes.wait(2, 10)
    assert [end.value for end in loop.outcomes.of(1)] == ["second run"]


def test_rest_does_not_count_as_a_stall(loop):
    release, inside = threading.Event(), threading.Event()
    loop.pool._thread.call(lambda: (inside.set(), release.wait(30)))
    assert inside.wait(10)
    begin = clock.monotonic()
    until(lambda: clock.monotonic() - begin > 0.3)
    loop.pool.submit(Call(1, child, is_async=True))
    assert loop.pool.stalled(clock.monotonic()) == 0.0
    release.set()
    loop.pool.close(0)


def test_close_of_a_blocked_loop_returns(loop, blocked):
    start = time.monotonic()
    loop.pool.close(0.1)
    assert time.monotonic() - start < 5


def test_a_side_task_that_exits_does_not_end_the_loop(loop, caplog):
    async def leave():
        raise SystemExit(3)

    async def function():
        await asyncio.create_task(leave())

    loop.submit(Call(1, child, is_async=True))
    loop.submit(Call(2, function, is_async=True))
    assert loop.outcomes.wait(1, 10)
    assert isinstance(loop.outcomes.of(2)[0].raised, SystemExit)
    assert "the loop goes on" in caplog.text
    error = Terminated("still there")
    assert loop.pool.interrupt(1, error)
    assert loop.outcomes.wait(2, 10)
    assert loop.outcomes.of(1)[0].raised is error


def test_side_tasks_are_cancelled_when_the_pool_closes(loop):
    started = threading.Event()

    async def function():
        task = asyncio.create_task(child())
        task.get_loop().call_soon(started.set)
        function.task = task

    loop.submit(Call(1, function, is_async=True))
    assert started.wait(10)
    loop.pool.close(1)
    assert trace == ["child cancelled"]
    assert not loop.pool._thread._thread.is_alive()


def test_an_interrupt_after_the_close_is_refused(loop):
    loop.pool.close(0)
    assert not loop.pool.interrupt(1, Terminated("too late"))


def test_a_runner_that_raises_costs_no_slot(loop, caplog):
    class Broken(Call):
        async def arun(self, guard):
            raise RuntimeError("does not keep its contract")

    loop.pool.submit(Broken(7, None, is_async=True))
    until(lambda: loop.pool.free() == loop.lab.slots)
    assert "message 7 ended without an outcome" in caplog.text
