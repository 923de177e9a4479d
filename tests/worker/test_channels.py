"""The channels inside a child: everything is in exactly one hand, and a sleeping loop is woken."""

from __future__ import annotations

import gc
import select
import threading
from pathlib import Path

import pytest

from umbel import Umbel
from umbel.message import Delivery
from umbel.outcome import Done, Outcome
from umbel.testing.worker import InProcessWorker
from umbel.worker import channels
from umbel.worker.channels import Outcomes, RunQueue


def delivery(tag: int) -> Delivery:
    return Delivery(tag, 1, "celery", b"{}", b"[]")


def test_two_takers_share_the_outcomes_and_lose_none() -> None:
    outcomes = Outcomes()
    taken: list[list[Outcome]] = []
    barrier = threading.Barrier(2)

    def take() -> None:
        barrier.wait()
        taken.extend(outcomes.take() for _ in range(2_000))

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for tag in range(5_000):
        outcomes.put(Done(delivery(tag)))
    for thread in threads:
        thread.join()
    taken.append(outcomes.take())
    assert sorted(outcome.delivery.tag for batch in taken for outcome in batch) == list(range(5_000))


def test_outcomes_that_could_not_be_settled_come_back_first_and_in_order() -> None:
    outcomes = Outcomes()
    for tag in (1, 2):
        outcomes.put(Done(delivery(tag)))
    failed = outcomes.take()
    outcomes.put(Done(delivery(3)))
    outcomes.put_back(failed)
    assert [outcome.delivery.tag for outcome in outcomes.take()] == [1, 2, 3]


def test_outcomes_that_wait_are_tried_with_what_is_new_or_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(channels.clock, "monotonic", lambda: now)
    outcomes = Outcomes()
    first, second = Done(delivery(1)), Done(delivery(2))
    assert outcomes.defer([first])
    assert (len(outcomes), bool(outcomes), outcomes.take()) == (1, False, [])
    outcomes.put(second)
    assert (len(outcomes), outcomes.take(), outcomes.again) == (2, [first, second], 0.0)
    assert not outcomes.defer([first])
    now = outcomes.again
    assert (bool(outcomes), outcomes.take(), bool(outcomes)) == (True, [first], False)
    assert [outcomes.settled([second]), outcomes.settled([first]), outcomes.settled([first])] == [False, True, False]


def test_nothing_waits_any_more_when_it_was_given_up() -> None:
    outcomes = Outcomes()
    outcomes.defer([Done(delivery(1)), Done(delivery(2))])
    assert (outcomes.give_up(), len(outcomes), outcomes.again) == (2, 0, 0.0)
    outcomes.defer([Done(delivery(3))])
    assert (outcomes.give_up(), len(outcomes)) == (0, 0)


def test_a_posted_outcome_wakes_a_sleeping_loop_only() -> None:
    outcomes = Outcomes()
    outcomes.post(Done(delivery(1)))
    assert select.select([outcomes.wake.fd], [], [], 0)[0] == []
    outcomes.sleeping = True
    outcomes.post(Done(delivery(2)))
    assert select.select([outcomes.wake.fd], [], [], 0)[0] == [outcomes.wake.fd]
    outcomes.wake.clear()
    assert select.select([outcomes.wake.fd], [], [], 0)[0] == []


def test_unstarted_work_is_given_back_from_the_far_end_once() -> None:
    queue = RunQueue()
    queue.extend([delivery(tag) for tag in range(5)])
    first = queue.next()
    assert first is not None
    assert first.tag == 0
    assert [given.tag for given in queue.give_back()] == [4, 3, 2, 1]
    assert queue.next() is None
    assert queue.give_back() == []


def test_workers_in_process_leave_no_files_open() -> None:
    app = Umbel("files", broker="memory://files", set_as_current=False)

    def open_files() -> int:
        gc.collect()
        return len([*Path("/dev/fd").iterdir()])

    def work() -> None:
        with InProcessWorker(app) as worker:
            worker.drain()

    work()
    before = open_files()
    for _ in range(10):
        work()
    assert open_files() <= before
