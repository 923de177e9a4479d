"""The file of a scheduler: what is kept, when it begins anew, and what becomes of one that cannot be read."""

from __future__ import annotations

import logging
import shelve
from datetime import timedelta

import pytest

from tests.schedulers.worlds import START, World
from umbel import Umbel, schedulers, schedules


@pytest.fixture
def world():
    app = Umbel("shop", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {"a": {"task": "a", "schedule": 10}, "b": {"task": "b", "schedule": 3600}}
    return World(app, schedulers, schedules)


@pytest.fixture
def name(tmp_path):
    return str(tmp_path / "state")


def opened(world, name):
    return world.scheduler("PersistentScheduler", schedule_filename=name)


def runs(scheduler):
    return {key: entry.total_run_count for key, entry in scheduler.schedule.items()}


@pytest.fixture
def written(world, name):
    """A file in which the entry a has run twice."""
    scheduler = opened(world, name)
    world.run(scheduler, 25)
    scheduler.close()
    assert [one[1] for one in world.sent] == ["a", "a"]
    return scheduler


@pytest.mark.usefixtures("written")
def test_a_restart_neither_forgets_nor_repeats(world, name):
    world.moment += timedelta(seconds=100)  # nobody ran
    scheduler = opened(world, name)
    assert runs(scheduler) == {"a": 2, "b": 0}
    world.run(scheduler, 5)
    assert [one[1] for one in world.sent] == ["a", "a", "a"]  # made up for once
    scheduler.close()


@pytest.mark.usefixtures("written")
def test_the_configuration_wins(world, name):
    world.app.conf.beat_schedule = {"a": {"task": "other", "schedule": 20}, "new": {"task": "n", "schedule": 5}}
    scheduler = opened(world, name)
    assert runs(scheduler) == {"a": 2, "new": 0}
    assert (scheduler.schedule["a"].task, scheduler.schedule["a"].schedule.seconds) == ("other", 20)
    scheduler.close()


@pytest.mark.parametrize(("setting", "value"), [("timezone", "Asia/Shanghai"), ("enable_utc", False)])
def test_other_times_begin_anew(world, name, caplog, setting, value):
    world.app.conf.timezone = "Europe/Berlin"
    first = opened(world, name)
    world.run(first, 12)
    first.close()
    world.app.conf[setting] = value
    second = opened(world, name)
    assert runs(second) == {"a": 0, "b": 0}
    assert "all entries begin anew" in caplog.text
    second.close()


def test_a_file_that_cannot_be_read_is_moved_aside(world, tmp_path, name, caplog):
    for suffix in ("", ".dat", ".dir"):
        (tmp_path / f"state{suffix}").write_bytes(b"\xff no file of a database")
    scheduler = opened(world, name)
    assert runs(scheduler) == {"a": 0, "b": 0}
    assert (tmp_path / "state.unreadable.dir").read_bytes() == b"\xff no file of a database"
    assert "cannot be read, it is moved aside" in caplog.text
    scheduler.close()
    again = opened(world, name)
    assert runs(again) == {"a": 0, "b": 0}
    again.close()


@pytest.mark.usefixtures("written")
def test_entries_that_cannot_be_read_are_moved_aside(world, tmp_path, name):
    with shelve.open(name) as file:
        file.dict[b"entries"] = b"cnowhere\nNothing\n."
    scheduler = opened(world, name)
    assert runs(scheduler) == {"a": 0, "b": 0}
    assert list(tmp_path.glob("state.unreadable*"))
    scheduler.close()


def test_what_happens_is_written_before_the_end(world, name):
    scheduler = opened(world, name)
    scheduler.sync_every_tasks = 1
    world.run(scheduler, 12)
    with shelve.open(name, "r") as killed:  # while the first one has not closed it
        assert killed["__version__"] == "5.7.0"
    second = opened(world, name)
    assert runs(second) == {"a": 1, "b": 0}
    for one in (second, scheduler):
        one.close()


def test_a_bad_entry_is_left_out_with_a_sentence(world, name, caplog):
    caplog.set_level(logging.ERROR)
    bad = {"neg": {"task": "a", "schedule": -1}, "key": {"task": "a", "schedule": 1, "colour": "red"}}
    world.app.conf.beat_schedule = {"fine": {"task": "a", "schedule": 10}, **bad}
    scheduler = opened(world, name)
    assert runs(scheduler) == {"fine": 0}
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("beat: The entry neg is left out, it cannot run: An interval of -1 seconds is negative")
    assert len(said) == 2
    scheduler.close()


def test_own_schedules_are_kept_too(world, name):
    world.app.conf.beat_schedule = {"at": {"task": "a", "schedule": schedules.at("12:00:05")}}
    first = opened(world, name)
    first.close()
    second = opened(world, name)
    world.run(second, 10)
    assert [(one[0] - START).seconds for one in world.sent] == [4]
    second.close()


def test_results_that_workers_have_to_clean_up(name):
    """umbel's stores do that by themselves; with results in a database there may be workers of Celery's."""
    app = Umbel("shop", broker="memory://", backend=f"db+sqlite:///{name}.db", set_as_current=False)
    assert set(schedulers.Scheduler(app).schedule) == set()  # its configuration wins over it, as in Celery
    kept = schedulers.PersistentScheduler(app, schedule_filename=name)
    assert repr(kept.schedule["celery.backend_cleanup"].schedule) == "<crontab: 0 4 * * * (m/h/dM/MY/d)>"
    kept.close()
    app.conf.result_expires = None
    again = schedulers.PersistentScheduler(app, schedule_filename=name)
    assert set(again.schedule) == set()
    again.close()
