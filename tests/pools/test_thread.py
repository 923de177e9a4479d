"""What only threads have: deaf ones, an exception on its way to a thread, contexts."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextvars import ContextVar

import pytest

from tests.pools.labs import Call
from tests.support.until import until
from umbel.adapters.thread import open_pool
from umbel.adapters.thread.guard import ThreadGuard
from umbel.adapters.thread.injection import carrier, inject, withdraw
from umbel.exceptions import SoftTimeLimitExceeded, Terminated
from umbel.testing.conformance.attempts import Outcomes


class Deaf:
    """A function that blocks in C until the test lets it go."""

    def __init__(self, value="late"):
        self.value = value
        self.blocked = threading.Event()
        self.release = threading.Lock()
        self.release.acquire()
        self.thread = None

    def __call__(self):
        self.thread = threading.current_thread()
        self.blocked.set()
        self.release.acquire()
        return self.value


@pytest.fixture
def deaf(threads):
    """A thread that hears nothing, under tag 1."""
    function = Deaf()
    threads.pool.submit(Call(1, function))
    assert function.blocked.wait(10)
    yield function
    if function.release.locked():
        function.release.release()


def test_a_deaf_thread_is_given_up(threads, deaf):
    pool, size = threads.pool, threads.lab.slots
    assert pool.interrupt(1, Terminated("unheard"))
    assert pool.abandon(1)
    assert pool.free() == size - 1
    assert not pool.abandon(1)
    assert not pool.interrupt(1, Terminated("nobody"))


def test_what_a_given_up_thread_says_is_discarded_and_it_ends(threads, deaf):
    threads.pool.abandon(1)
    deaf.release.release()
    deaf.thread.join(10)
    assert not deaf.thread.is_alive()
    assert threads.outcomes.all == []
    assert threads.pool.free() == threads.lab.slots - 1


def test_the_neighbours_of_a_deaf_thread_go_on(threads, deaf):
    pool = threads.pool
    pool.abandon(1)
    for tag in range(2, 100):
        until(lambda: pool.free() > 0)
        pool.submit(Call(tag, lambda: "fine"))
    assert threads.outcomes.wait(98, 10)
    assert {end.value for end in threads.outcomes.all} == {"fine"}


def test_the_message_of_a_given_up_thread_may_run_again(threads, deaf):
    threads.pool.abandon(1)
    second = Deaf("second run")
    threads.pool.submit(Call(1, second))
    assert second.blocked.wait(10)
    deaf.release.release()
    deaf.thread.join(10)
    assert threads.outcomes.all == []
    second.release.release()
    assert threads.outcomes.wait(1, 10)
    assert [end.value for end in threads.outcomes.of(1)] == ["second run"]


def test_an_unheard_interrupt_is_raised_when_the_function_listens_again(threads, deaf):
    error = Terminated("waited")
    threads.pool.interrupt(1, error)
    deaf.release.release()
    assert threads.outcomes.wait(1, 10)
    assert threads.outcomes.of(1)[0].raised is error


def test_a_deaf_thread_does_not_keep_the_process():
    code = """
        import threading, time
        from umbel.adapters.thread import open_pool
        from umbel.testing.conformance.attempts import Outcomes
        from tests.pools.labs import Call
        inside = threading.Event()
        pool = open_pool(Outcomes(), 1)
        pool.submit(Call(1, lambda: (inside.set(), time.sleep(600))))
        inside.wait()
        pool.close(0)
        print("closed")
    """
    program = "\n".join(line.strip() for line in code.splitlines())
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.returncode) == ("closed\n", 0), done.stderr


def test_an_error_that_comes_while_disarming_is_absorbed():
    guard = ThreadGuard(Call(1, None))
    error, results = Terminated("too late"), []

    def work():
        guard.thread = threading.get_ident()
        results.append(guard.call(lambda: "kept", (), {}))
        results.append(sum(abs(number) for number in range(1000)))

    guard._lock.acquire()  # as an interrupter that has just seen it armed
    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: guard.thread and not guard.armed)  # now it waits for the lock
    inject(guard.thread, carrier(error, guard.injected))
    guard._lock.release()
    thread.join(10)
    assert results == ["kept", 499500]


def test_after_the_function_nothing_is_left_to_raise():
    guard = ThreadGuard(Call(1, None))
    results = []

    def work():
        guard.thread = threading.get_ident()
        results.append(guard.call(lambda: "kept", (), {}))
        results.append(guard.interrupt(Terminated("disarmed")))
        results.append(sum(abs(number) for number in range(1000)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert results == ["kept", False, 499500]


def test_what_was_withdrawn_is_not_raised():
    ready, release, results = threading.Event(), threading.Lock(), []
    release.acquire()

    def work():
        ready.set()
        release.acquire()
        results.append(sum(abs(number) for number in range(1000)))

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    inject(thread.ident, carrier(Terminated("withdrawn"), []))
    withdraw(thread.ident)
    release.release()
    thread.join(10)
    assert results == [499500]


def test_an_injected_error_keeps_its_identity_and_needs_no_default_arguments():
    class Peculiar(Exception):
        def __init__(self, first, second):
            super().__init__(first, second)

    error, caught, ready = Peculiar("a", "b"), [], threading.Event()

    def work():
        try:
            ready.set()
            while True:
                pass
        except Peculiar as found:
            caught.append(found)

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    inject(thread.ident, carrier(error, []))
    thread.join(10)
    assert caught == [error]
    assert caught[0] is error
    assert not inject(thread.ident, carrier(error, []))


def test_a_coroutine_is_refused(threads):
    with pytest.raises(TypeError, match="async def"):
        threads.pool.submit(Call(1, None, is_async=True))
    assert threads.pool.free() == threads.lab.slots


def test_more_than_the_slots_is_refused():
    pool = open_pool(Outcomes(), 1)
    function = Deaf()
    pool.submit(Call(1, function))
    with pytest.raises(RuntimeError, match="no free slot"):
        pool.submit(Call(2, function))
    function.release.release()
    pool.close(10)
    with pytest.raises(RuntimeError, match="no free slot"):
        pool.submit(Call(3, function))


def test_threads_start_when_they_are_needed():
    others, outcomes = set(threading.enumerate()), Outcomes()
    pool = open_pool(outcomes, 1000)
    assert set(threading.enumerate()) == others
    for tag in range(50):
        pool.submit(Call(tag, int))
        assert outcomes.wait(tag + 1, 10)
        until(lambda: pool.free() == 1000)
    (thread,) = set(threading.enumerate()) - others
    pool.close(10)
    thread.join(10)
    assert not thread.is_alive()


def test_each_attempt_has_a_context_of_its_own():
    color, outcomes = ContextVar("color", default="none"), Outcomes()
    pool = open_pool(outcomes, 1)

    def paint():
        seen = color.get()
        color.set("red")
        return seen

    for tag in (1, 2):
        pool.submit(Call(tag, paint))
        assert outcomes.wait(tag, 10)
        until(lambda: pool.free() == 1)
    pool.close(10)
    assert [end.value for end in outcomes.all] == ["none", "none"]


def test_a_runner_that_raises_costs_no_slot(threads, caplog):
    class Broken(Call):
        def run(self, guard):
            raise RuntimeError("does not keep its contract")

    threads.pool.submit(Broken(7, None))
    until(lambda: threads.pool.free() == threads.lab.slots)
    assert "message 7 ended without an outcome" in caplog.text


def test_the_soft_limit_ends_a_loop_of_python_code(threads):
    armed = threading.Event()

    def spin():
        armed.set()
        while True:
            pass

    threads.submit(Call(1, spin))
    assert armed.wait(10)
    start = time.monotonic()
    threads.pool.interrupt(1, SoftTimeLimitExceeded(1))
    assert threads.outcomes.wait(1, 10)
    assert time.monotonic() - start < 2
