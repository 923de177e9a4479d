"""Each tick once, whatever dies when; and what an entry's policy makes of ticks. In simulated time."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.beat.scene import NOON, World
from tests.support import scale
from umbel.adapters.memory.coordinator import MemoryCoordinator
from umbel.beat import office
from umbel.beat.times import SECOND, shape, tick_id
from umbel.schedules import BaseSchedule, every

EVERY = {"task": "t", "schedule": every(seconds=1), "catch_up": "all", "catch_up_most": 100_000}


@settings(max_examples=scale.count(full=200, small=4), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_tick_is_sent_once_over_kills_and_pauses(seed):
    world = World({"all": EVERY, "celerys": {"task": "t", "schedule": 3.0}}, seed)
    for ahead in (0.0, 2.0, -2.0):
        world.start(ahead)
    world.run(1)
    world.chaos = 0.05
    world.run(400)
    world.chaos = 0.0
    world.run(60)
    sent = world.sent("all")
    assert sent == sorted(set(sent)), "a tick was sent twice, or out of its order"
    assert sent == [sent[0] + number for number in range(len(sent))], "a tick was not sent"
    assert sent[-1] >= 455
    others = world.sent("celerys")
    assert others == sorted(set(others))
    assert len({moment.term for moment in world.history("")}) > 1, "nobody was killed"


@pytest.mark.parametrize(
    ("term", "marks", "doubled"), [(True, False, False), (False, True, False), (False, False, True)]
)
def test_each_of_the_two_guards_is_enough(monkeypatch, term, marks, doubled):
    """And without both of them ticks are sent twice, which shows that the kills and pauses above hit something."""
    real = MemoryCoordinator.fire
    if not term:
        monkeypatch.setattr(
            MemoryCoordinator, "fire", lambda self, _, ticks, **more: real(self, self._scope.lease.term, ticks, **more)
        )
    if not marks:
        monkeypatch.setattr(MemoryCoordinator, "_follows", lambda *_: True)
    world = World({"all": EVERY}, 4)
    for ahead in (0.0, 2.0, -2.0):
        world.start(ahead)
    world.chaos = 0.05
    world.run(300)
    sent = world.sent("all")
    assert (len(set(sent)) < len(sent)) is doubled


def test_a_dead_leader_is_replaced_within_ten_seconds():
    world = World({"all": EVERY})
    names = [world.start() for _ in range(3)]
    world.run(20.5)
    leader = world.leader()
    world.kill(leader)
    world.run(10)
    assert world.leader() in set(names) - {leader}
    assert world.sent("all") == [float(second) for second in range(1, 31)]


def test_who_ends_cleanly_is_replaced_at_once():
    world = World({"all": EVERY})
    first, second = world.start(), world.start()
    world.run(5.5)
    assert world.leader() == first
    world.alive[first].resign()
    world.kill(first)
    world.run(office.LOOK)
    assert world.leader() == second


def test_a_paused_leader_that_comes_back_sends_nothing_twice(caplog):
    world = World({"all": EVERY})
    first, second = world.start(), world.start()
    world.run(5.5)
    world.run(20, without=(first,))
    assert world.leader() == second
    with caplog.at_level(logging.WARNING, "umbel.beat"):
        world.run(5)
    assert world.sent("all") == [float(number) for number in range(1, 31)]
    assert f"{second} leads now: this one was silent for too long" in caplog.text


def test_a_scheduler_alone_goes_on_after_a_pause():
    world = World({"all": EVERY, "celerys": {"task": "t", "schedule": every(seconds=10)}})
    name = world.start()
    world.run(15)
    world.run(600, without=(name,))
    world.run(15)
    assert world.sent("all") == [float(number) for number in range(1, 631)]
    assert world.sent("celerys") == [10.0, 610.0, 620.0, 630.0]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [60, 3600, 3660]),
        ({"catch_up": "last"}, [60, 3600, 3660]),
        ({"catch_up": "skip"}, [60, 3660]),
        ({"catch_up": "all", "catch_up_most": 3}, [60, 3480, 3540, 3600, 3660]),
        ({"max_lateness": 20}, [60, 3660]),
        ({"expires": 50}, [60, 3600, 3660]),
    ],
)
def test_what_was_missed_is_caught_up_as_the_entry_says(policy, expected):
    """Nobody schedules between the first minute and one hour and 40 seconds."""
    world = World({"minutely": {"task": "t", "schedule": every(minutes=1), **policy}})
    first = world.start()
    world.run(61)
    world.kill(first)
    world.now = NOON + 3640
    world.start()
    world.run(60)
    assert world.sent("minutely") == expected
    assert {moment.what for moment in world.history("minutely")} <= {"began", "sent", "skipped"}


def test_what_is_left_out_is_said():
    world = World({"minutely": {"task": "t", "schedule": every(minutes=1), "catch_up": "skip"}})
    world.kill(world.start())
    world.start()
    world.run(61)
    world.now += 600
    world.run(10)
    skipped = [moment for moment in world.history("minutely") if moment.what == "skipped"]
    assert [moment.detail for moment in skipped] == ["9 left out: missed, and catch_up is skip"]
    assert world.sent("minutely") == [60, 660], "what is at most 30 seconds late is on time"


def test_a_year_of_seconds_that_nobody_sent_is_not_counted_one_by_one():
    world = World({"all": {"task": "t", "schedule": every(seconds=1)}, "other": {"task": "t", "schedule": 0.5}})
    name = world.start()
    world.run(3)
    world.run(366 * 86400, without=(name,))
    world.run(2)
    assert world.sent("all")[-3:] == [3 + 366 * 86400, 4 + 366 * 86400, 5 + 366 * 86400]


def overlapping(policy, doing):
    """An entry whose first task goes on for as long as the test says; the id of that task."""
    world = World({"minutely": {"task": "t", "schedule": every(minutes=1), "overlap": policy}})
    world.start()
    world.run(61)
    first = tick_id("shop", "minutely", int((NOON + 60) * SECOND))
    world.sender.doings[first] = doing
    world.run(120)
    return world, first


def test_a_tick_is_left_out_while_the_task_before_runs():
    world, first = overlapping("skip", "runs")
    assert world.sent("minutely") == [60]
    assert world.history("minutely")[0].detail.endswith(f"still runs ({first})")
    world.sender.doings.clear()
    world.run(60)
    assert world.sent("minutely") == [60, 240]


def test_the_newest_tick_waits_for_the_task_before():
    world, _ = overlapping("queue", "runs")
    assert world.sent("minutely") == [60]
    world.sender.doings.clear()
    world.run(2)
    assert world.sent("minutely") == [60, 180]
    world.run(60)
    assert world.sent("minutely") == [60, 180, 240]


def test_the_task_before_is_cancelled():
    world, first = overlapping("cancel", "runs")
    assert world.sent("minutely") == [60, 120, 180]
    assert world.sender.cancelled == [first]


def test_tasks_overlap_unless_it_is_said():
    world, _ = overlapping("allow", "runs")
    assert world.sent("minutely") == [60, 120, 180]


class Raising(BaseSchedule):
    def next_after(self, moment):
        raise RuntimeError("the calendar is empty")


class Weekly(BaseSchedule):
    """Somebody's own, which answers Celery's question only."""

    def __init__(self, world, seconds):
        super().__init__()
        self.world, self.seconds = world, seconds

    def now(self):
        return Weekly.moment(self.world.now)

    @staticmethod
    def moment(unix):
        from datetime import UTC, datetime

        return datetime.fromtimestamp(unix, UTC)

    def is_due(self, last_run_at):
        left = self.seconds - (self.now() - last_run_at).total_seconds()
        return (left <= 0, left if left > 0 else self.seconds)


def test_a_bad_entry_never_stops_the_others(caplog):
    world = World(
        {
            "fine": EVERY, "raises": {"task": "t", "schedule": Raising()}, "still": {"task": "t", "schedule": 0},
            "untravelled": {"task": "broken", "schedule": every(seconds=1)}, "negative": {"task": "t", "schedule": -1},
            "february": {"task": "t", "schedule": "0 0 31 2 *"}, "none": {"task": "t"},
            "what": {"task": "t", "schedule": {}},
        }
    )  # fmt: skip
    world.start()
    world.run(10.5)
    assert world.sent("fine") == [float(second) for second in range(1, 11)]
    assert {*world.bad} == {"negative", "february", "none", "what"}
    assert "The entry raises cannot be reckoned, the others go on: the calendar is empty" in caplog.text
    failed = world.history("untravelled")[0]
    assert (failed.what, failed.detail) == ("failed", "TypeError: this argument cannot travel")


def test_a_schedule_that_answers_only_celerys_question():
    world = World({})
    world.entries = World({"own": {"task": "t", "schedule": Weekly(world, 60)}}).entries
    world.start()
    world.run(200)
    sent = world.sent("own")
    assert len(sent) == 3
    assert [round(one, -1) for one in sent] == [60, 120, 180]


def test_jitter_delays_a_tick_and_is_not_lateness():
    world = World({"spread": {"task": "t", "schedule": every(minutes=1, jitter=55), "catch_up": "skip"}})
    world.start()
    world.run(60 * 30)
    assert world.sent("spread") == [60.0 * number for number in range(1, len(world.sent("spread")) + 1)]
    assert len(world.sent("spread")) >= 28
    late = [moment.at - moment.nominal / SECOND for moment in world.history("spread") if moment.what == "sent"]
    assert max(late) > 30


def test_another_schedule_of_an_entry_begins_anew():
    world = World({"report": {"task": "t", "schedule": every(hours=1)}})
    world.kill(world.start())
    name = world.start()
    world.run(4000)
    world.kill(name)
    world.entries = World({"report": {"task": "t", "schedule": every(minutes=10)}}).entries
    world.start()
    world.run(30)
    assert world.sent("report") == [3600], "a run of the new schedule before it was there"
    world.run(600)
    assert world.sent("report") == [3600, 4200]
    assert "its schedule was every(seconds=3600.0)" in world.history("report")[1].detail


def test_the_same_text_of_two_intervals_is_no_sameness():
    """Celery's repr of both is `<freq: now>`."""
    shapes = {shape(World({"a": {"task": "t", "schedule": seconds}}).entries["a"]) for seconds in (0.5, 0.25)}
    assert shapes == {"schedule(0.5)", "schedule(0.25)"}


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_clock_that_is_put_is_noticed(caplog, seconds):
    world = World({"hourly": {"task": "t", "schedule": every(minutes=10)}})
    world.start()
    world.run(1300)
    beat = next(iter(world.alive.values()))
    beat._hands.ahead = seconds
    with caplog.at_level(logging.WARNING, "umbel.beat"):
        world.run(100)
    assert f"The clock was put by {seconds:+.1f} s" in caplog.text
    assert world.sent("hourly") == ([600, 1200, 4800] if seconds > 0 else [600, 1200])
    if seconds < 0:
        world.run(3600 + 500)
        assert world.sent("hourly") == [600, 1200, 1800], "what was sent before the clock was put is not sent again"


def test_a_clock_that_was_years_ahead_does_not_silence_an_entry(caplog):
    world = World({"hourly": {"task": "t", "schedule": every(minutes=10)}})
    name = world.start(ahead=10 * 366 * 86400.0)
    world.run(1300)
    world.kill(name)
    world.start()
    world.run(1300)
    assert world.history("hourly")[0].nominal / SECOND - NOON == 2400
    assert "which is to come; it goes on from now" in caplog.text


def test_the_leader_of_other_entries_is_told(caplog):
    world = World({"all": EVERY})
    world.start()
    world.run(1)
    world.entries = World({"all": EVERY, "more": EVERY}).entries
    world.start()
    with caplog.at_level(logging.WARNING, "umbel.beat"):
        world.run(3)
    assert "beat1@sim has other entries in its schedule than this one" in caplog.text
