"""From Celery's beat to `umbel beat`: what ran last is read from the file, and nothing is forgotten or repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.beat.scene import NOON, Hands, World
from tests.conftest import UMBEL, Project
from tests.schedulers.worlds import START, both
from umbel.beat import Beat
from umbel.schedulers import shelf


def sent(world):
    """Names of the entries that were sent, in order."""
    return [entry.parcel.body.decode().partition("|")[0] for entry in world.broker.store.entries.values()]


def test_an_entry_goes_on_from_its_last_run():
    entries = {name: {"task": "t", "schedule": 3600} for name in ("overdue", "soon", "unknown", "wrong")}
    world = World(entries)
    since = {"overdue": NOON - 90_000, "soon": NOON - 3500, "wrong": NOON + 50, "gone": NOON}

    def beat(node):
        coordinator = world.broker.coordinator("s")
        return Beat(coordinator, world.entries, world.sender, scope="s", node=node, hands=Hands(world), since=since)

    first = beat("first")
    first.step()
    first.step()
    assert sent(world) == ["overdue"]  # made up for once, as in Celery
    world.now += 101
    first.step()
    assert sent(world) == ["overdue", "soon"]
    first.resign()
    again = beat("again")
    for _ in range(3):
        again.step()
    assert sent(world) == ["overdue", "soon"]  # the store knows better now
    world.now += 3500
    again.step()
    assert sorted(sent(world)[2:]) == ["overdue", "unknown", "wrong"]  # what is still to come counts as now
    moment = world.broker.coordinator("s").history("overdue")[-1]
    assert (moment.what, moment.detail) == ("began", "it ran then under the scheduler before this one")


@pytest.mark.parametrize("writer", [0, 1], ids=["written by Celery", "written by umbel"])
def test_what_the_file_says(writer, tmp_path):
    world = both()[writer]
    world.app.conf.beat_schedule = {"a": {"task": "a", "schedule": 3600}, "b": {"task": "b", "schedule": 10}}
    name = str(tmp_path / "celerybeat-schedule")
    before = world.scheduler("PersistentScheduler", schedule_filename=name)
    before.schedule["a"].last_run_at = START - timedelta(days=1)
    before.close()
    found = shelf.last_runs(name)
    assert (set(found), found["a"]) == ({"a", "b"}, START.timestamp() - 86_400)


def test_no_file_and_a_file_that_cannot_be_read(tmp_path, caplog):
    assert shelf.last_runs(str(tmp_path / "nothing")) == {}
    assert list(tmp_path.iterdir()) == []
    for suffix in (".dat", ".dir"):
        (tmp_path / f"bad{suffix}").write_text("'entries', (0, 9)\n", encoding="ascii")
    assert shelf.last_runs(str(tmp_path / "bad")) == {}
    assert "cannot be read" in caplog.text


def test_the_command_reads_it(project: Project):
    project.write(
        "proj.py",
        """
        from umbel import Umbel
        app = Umbel("proj", broker="sqlite:///proj.db")
        app.conf.beat_schedule = {"daily": {"task": "proj.daily", "schedule": 86_400}}
        """,
    )
    write = """
from datetime import UTC, datetime, timedelta
from proj import app
from umbel.schedulers import PersistentScheduler
kept = PersistentScheduler(app, schedule_filename="kept")
kept.schedule["daily"].last_run_at = datetime.now(UTC) - timedelta(days=3)
kept.close()
"""
    assert project.python(write).returncode == 0
    beat = project.processes.start(UMBEL, "-A", "proj", "beat", "-l", "INFO", "-s", "kept")
    beat.until_output("daily", timeout=30)
    beat.until_output("proj.daily", timeout=30)
    assert beat.stop() == 0
    assert " 1 " in " ".join(project.umbel("-A", "proj", "queues").stdout.split())
