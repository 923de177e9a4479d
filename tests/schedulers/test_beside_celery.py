"""Celery's schedulers and umbel's side by side: the same members, due times, order and arguments, and one file."""

from __future__ import annotations

import importlib
import inspect
import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedulers.worlds import START, both, celerys
from tests.support.signatures import ours, parameters
from umbel import schedulers

CLASSES = ["BeatLazyFunc", "PersistentScheduler", "ScheduleEntry", "Scheduler", "SchedulingError", "Service"]


def members(kind):
    return {name for name in dir(kind) if not name.startswith("__")}


@pytest.mark.parametrize("name", CLASSES)
def test_members_and_arguments(name):
    one, other = getattr(celerys()[1], name), getattr(schedulers, name)
    assert members(one) - members(other) == set()
    for member in ["__init__", *members(one)]:
        found = inspect.getattr_static(one, member)
        if not inspect.isfunction(found):
            continue
        expected = parameters(str(inspect.signature(found).replace(return_annotation=inspect.Signature.empty)))
        got = [name for name, _ in ours(inspect.getattr_static(other, member))]
        plain = [name for name, _ in expected if not name.startswith("*")]
        assert [name for name in got if name in plain] == plain or "*args" in got, member


def entries(world, drawn):
    """The same configuration, with the schedules of a world."""
    made = {}
    for number, (kind, value) in enumerate(drawn):
        when = world.schedules.crontab(**value) if kind == "crontab" else value
        made[f"entry {number}"] = {
            "task": f"task {number}", "schedule": when, "args": (number,), "relative": kind == "relative",
            "options": {"queue": "q", "headers": {"mine": number}},
        }  # fmt: skip
    return made


intervals = st.floats(2, 90).map(lambda seconds: round(seconds, 3))
drawn_entries = st.lists(
    st.one_of(
        st.tuples(st.just("every"), intervals),
        st.tuples(st.just("relative"), st.sampled_from([timedelta(seconds=7), timedelta(minutes=1)])),
        st.tuples(st.just("crontab"), st.sampled_from([{}, {"minute": "*/2"}, {"minute": "1", "hour": "12-13"}])),
    ),
    min_size=1,
    max_size=4,
)


@given(
    drawn_entries,
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    st.sampled_from([5, 300]),
    st.sampled_from([0.0, 0.7, 45.0]),
)
@settings(max_examples=15, deadline=None)
def test_the_same_is_due_at_the_same_time(drawn, zone, longest, late):
    seen = []
    for world in both(timezone=zone):
        world.app.conf.beat_schedule = entries(world, drawn)
        waits = world.run(world.scheduler(max_interval=longest), 120, late)
        seen.append(([round(wait, 4) for wait in waits], world.sent))
    assert seen[0] == seen[1]


def test_order_arguments_and_headers():
    seen = []
    for world in both():
        count = itertools.count()
        lazy = world.beat.BeatLazyFunc(lambda count, step: next(count) * step, count, step=10)
        world.app.conf.beat_schedule = {
            "slow": {"task": "slow", "schedule": 3, "kwargs": {"a": lazy, "b": "plain"}},
            "fast": {"task": "fast", "schedule": 2, "args": [lazy, 1], "options": {"headers": {"mine": 1}}},
            "none": {"task": "none", "schedule": 100, "args": None},
        }
        scheduler = world.scheduler()
        world.run(scheduler, 7)
        assert [one[1] for one in world.sent] == ["fast", "slow", "fast", "slow", "fast"]
        runs = {name: entry.total_run_count for name, entry in scheduler.schedule.items()}
        assert runs == {"slow": 2, "fast": 3, "none": 0}
        seen.append([(one[0].replace(microsecond=0), *one[1:]) for one in world.sent])
    assert seen[0] == seen[1]
    assert seen[1][0][4] == {"headers": {"mine": 1, "celery_beat_task": True}}
    assert [one[2] or one[3]["a"] for one in seen[1]] == [[0, 1], 10, [20, 1], 30, [40, 1]]


def test_changes_at_run_time():
    seen = []
    for world in both():
        world.app.conf.beat_schedule = {"a": {"task": "a", "schedule": 10}}
        scheduler = world.scheduler()
        world.run(scheduler, 12)
        scheduler.add(name="b", task="b", schedule=4, kwargs={"new": True})
        world.run(scheduler, 12)
        scheduler.schedule["a"].update(scheduler.Entry("a", "other", schedule=1, app=world.app))
        world.run(scheduler, 3)
        scheduler.merge_inplace({"b": {"task": "b", "schedule": 2}})
        world.run(scheduler, 5)
        seen.append([((one[0] - START).seconds, *one[1:4]) for one in world.sent])
    assert seen[0] == seen[1]
    assert {one[1] for one in seen[1]} == {"a", "b", "other"}


def test_an_entry_that_cannot_say_when_it_runs_stops_nobody():
    seen = []
    for world in both():

        class Broken(world.schedules.schedule):
            def is_due(self, last_run_at):
                raise RuntimeError("no idea")

        fine = {"task": "fine", "schedule": 5}
        world.app.conf.beat_schedule = {"broken": {"task": "x", "schedule": Broken(1)}, "fine": fine}
        waits = world.run(world.scheduler(max_interval=20), 30)
        seen.append(([round(wait, 4) for wait in waits], [one[:2] for one in world.sent]))
    assert seen[0] == seen[1]
    assert len(seen[1][1]) == 5


def test_what_cannot_be_sent_waits_for_its_next_time(caplog):
    for world in both():
        world.app.conf.beat_schedule = {"a": {"task": "a", "schedule": 10}}
        scheduler = world.scheduler()
        scheduler.send_task = lambda *_args, **_options: 1 / 0
        world.run(scheduler, 21)
        assert scheduler.schedule["a"].total_run_count == 2
        with pytest.raises(world.beat.SchedulingError, match="Couldn't apply scheduled task a: division by zero"):
            scheduler.apply_async(scheduler.schedule["a"])
    assert "Message Error: Couldn't apply scheduled task a: division by zero" in caplog.text


def test_entries():
    texts = []
    for world in both():
        make = world.beat.ScheduleEntry
        one = make("e", "t", START, 3, 30, (1,), {"a": "b"}, {"queue": "q"}, app=world.app)
        world.moment = START + timedelta(seconds=31)
        after = next(one)
        assert (after.last_run_at, after.total_run_count) == (world.moment, 4)
        assert one == after
        assert one != make("e", "t", schedule=31, app=world.app)
        assert (one < after) != (after < one)
        assert one.is_due() == (True, 30)
        assert after.is_due() == (False, 30)
        assert one.__reduce__()[1] == ("e", "t", START, 3, one.schedule, (1,), {"a": "b"}, {"queue": "q"})
        assert dict(one)["kwargs"] == {"a": "b"}
        texts.append(repr(one).removesuffix(">"))
    assert texts[0] + ">" == texts[1] == "<ScheduleEntry: e t(1, a='b') <freq: 30.00 seconds>"


@pytest.mark.parametrize("writer", [0, 1], ids=["written by Celery", "written by umbel"])
def test_either_goes_on_with_the_file_of_the_other(writer, tmp_path, monkeypatch):
    worlds = both(timezone="Europe/Berlin")
    state = importlib.import_module("celery._state")
    monkeypatch.setattr(state._tls, "current_app", worlds[0].app)  # what Celery reads from a file has its clock
    for world in worlds:
        world.app.conf.beat_schedule = {
            "a": {"task": "a", "schedule": 10, "args": (1,), "kwargs": {"lazy": world.beat.BeatLazyFunc(str, 5)}},
            "c": {"task": "c", "schedule": world.schedules.crontab(minute="*/7", day_of_week="mon-fri")},
            "s": {"task": "s", "schedule": world.schedules.solar("sunset", 31.2, 121.5)},
        }
    one, other = worlds[writer], worlds[1 - writer]
    name = str(tmp_path / "celerybeat-schedule")
    first = one.scheduler("PersistentScheduler", schedule_filename=name)
    one.run(first, 25)
    first.close()
    other.moment = one.moment
    second = other.scheduler("PersistentScheduler", schedule_filename=name)
    kept = second.schedule["a"]
    assert type(kept) is other.beat.ScheduleEntry
    assert (kept.total_run_count, kept.last_run_at) == (2, one.sent[-1][0])
    assert set(second.schedule) == {"a", "c", "s"}
    assert [path.name for path in tmp_path.glob("*unreadable*")] == []
    other.run(second, 10)
    assert [(sent[1], sent[3]) for sent in other.sent] == [("a", {"lazy": "5"})]
    second.close()
