"""What only the pool on the main thread can do: interrupt blocking calls, by a signal."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import threading
import time

import pytest

from tests.pools.labs import RUNS, Call
from umbel.adapters.inline import open_pool
from umbel.exceptions import SoftTimeLimitExceeded, Terminated
from umbel.testing.conformance.attempts import Outcomes

blocking = threading.Event()  # set by a function when its next call blocks


def sleep():
    blocking.set()
    time.sleep(60)


def take_lock():
    lock = threading.Lock()
    lock.acquire()
    blocking.set()
    lock.acquire()


def wait_for_event():
    blocking.set()
    threading.Event().wait()


def take_from_queue():
    blocking.set()
    queue.Queue().get()


def read_socket():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        blocking.set()
        ours.recv(1)


def wait_for_process():
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        try:
            blocking.set()
            process.wait()
        finally:
            process.kill()


def join_thread():
    forever = threading.Event()
    thread = threading.Thread(target=forever.wait, daemon=True)
    thread.start()
    try:
        blocking.set()
        thread.join()
    finally:
        forever.set()


def interrupt_blocking(scene, tag, error):
    assert blocking.wait(10)
    return scene.pool.interrupt(tag, error)


@pytest.mark.parametrize(
    "function", [sleep, take_lock, wait_for_event, take_from_queue, read_socket, wait_for_process, join_thread]
)
def test_a_blocking_call_is_interrupted(inline, function):
    error = SoftTimeLimitExceeded(1)
    start = time.monotonic()
    blocking.clear()
    outcome, hit = inline.meanwhile(Call(1, function), lambda: interrupt_blocking(inline, 1, error))
    assert hit
    assert outcome.raised is error
    assert time.monotonic() - start < 5


@pytest.mark.chaos
def test_no_blocking_call_is_entered_past_a_signal(inline):
    for tag in range(1, RUNS // 10):
        blocking.clear()
        start = time.monotonic()
        outcome, hit = inline.meanwhile(
            Call(tag, sleep), lambda tag=tag: interrupt_blocking(inline, tag, Terminated(tag))
        )
        assert hit
        assert outcome.raised.args == (tag,)
        assert time.monotonic() - start < 2, "the signal was lost on the way into the call"


def test_it_is_opened_on_the_main_thread_only():
    caught = []

    def attempt():
        try:
            open_pool(Outcomes(), 1)
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert caught == ["The inline pool interrupts functions by signals: open it on the main thread."]


@pytest.fixture
def held_signal():
    """SIGUSR1 waits until `release` is called."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

    def release():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})

    yield release
    release()


def interrupted_meanwhile(pool, tag, *errors):
    """What another thread does while the function of ``tag`` runs."""
    thread = threading.Thread(target=lambda: [pool.interrupt(tag, error) for error in errors])
    thread.start()
    thread.join()


def test_a_late_signal_meets_no_second_run_of_the_same_message(inline, held_signal):
    def interrupted():
        interrupted_meanwhile(inline.pool, 1, Terminated("meant for the first run"))
        return "first"

    def again():
        held_signal()
        return sum(abs(number) for number in range(1000))

    inline.submit(Call(1, interrupted))
    inline.submit(Call(1, again))
    assert [(end.value, end.raised) for end in inline.outcomes.all] == [("first", None), (499500, None)]


def test_a_signal_that_comes_between_two_runs_is_dropped(inline, held_signal):
    inline.submit(Call(1, lambda: interrupted_meanwhile(inline.pool, 1, Terminated("late"))))
    held_signal()
    inline.submit(Call(2, lambda: "next"))
    assert [(end.value, end.raised) for end in inline.outcomes.all] == [(None, None), ("next", None)]


def test_an_error_not_raised_yet_is_replaced_by_the_next(inline, held_signal):
    caught = []

    def function():
        interrupted_meanwhile(inline.pool, 1, SoftTimeLimitExceeded(1), Terminated("second"))
        try:
            held_signal()
            time.sleep(60)
        except Terminated as error:
            caught.append(error)
        return sum(abs(number) for number in range(1000))

    inline.submit(Call(1, function))
    assert [str(error) for error in caught] == ["second"]
    assert inline.outcomes.of(1)[0].value == 499500


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_error_swallowed_by_a_finalizer_can_be_raised_again(inline):
    inside, swallowed = threading.Event(), threading.Event()

    class Deaf:
        def __del__(self):
            inside.set()
            time.sleep(60)

    def function():
        thing = Deaf()
        del thing
        swallowed.set()
        time.sleep(60)

    def interrupt():
        assert inside.wait(10)
        first = inline.pool.interrupt(1, Terminated("lost in the finalizer"))
        assert swallowed.wait(10)
        return first, inline.pool.interrupt(1, Terminated("heard"))

    outcome, hit = inline.meanwhile(Call(1, function), interrupt)
    assert hit == (True, True)
    assert str(outcome.raised) == "heard"


def test_a_signal_from_elsewhere_is_nothing(inline):
    def function():
        os.kill(os.getpid(), signal.SIGUSR1)
        return "kept"

    inline.submit(Call(1, function))
    os.kill(os.getpid(), signal.SIGUSR1)
    assert inline.outcomes.of(1)[0].value == "kept"


def test_a_signal_after_the_end_does_not_kill(inline):
    inline.pool.close(0)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert not inline.pool.interrupt(1, Terminated("too late"))


def test_the_slot_is_taken_while_the_attempt_runs_and_free_when_it_blew_up(inline):
    class Broken(Call):
        def run(self, guard):
            assert inline.pool.free() == 0
            raise RuntimeError("a runner that does not keep its contract")

    with pytest.raises(RuntimeError, match="does not keep its contract"):
        inline.submit(Broken(1, None))
    assert inline.pool.free() == 1
