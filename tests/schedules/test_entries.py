"""What `beat_schedule` may hold, and that a bad entry stops no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.schedules.support import Asked
from umbel import Umbel
from umbel.schedules import BaseSchedule, at, cron, crontab, every, maybe_schedule, read_entries, schedule

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_forms_of_a_schedule():
    app = Asked("Asia/Shanghai")
    assert maybe_schedule(30) == schedule(30) == timedelta(seconds=30)
    assert maybe_schedule(timedelta(hours=1), True).relative
    assert maybe_schedule(None) is None
    daily = maybe_schedule("0 9 * * *", app=app)
    assert daily == cron("0 9 * * *")
    assert daily.next_after(NOON) == datetime(2026, 11, 22, 1, tzinfo=UTC)
    table = crontab(hour=9, minute=0)
    assert maybe_schedule(table, app=app) is table
    assert table.next_after(NOON) == datetime(2026, 11, 22, 1, tzinfo=UTC)


GIVEN = {
    "number": {"task": "t", "schedule": 30.0, "args": (1,), "kwargs": {"a": 1}, "options": {"queue": "q"}},
    "relative": {"task": "t", "schedule": timedelta(hours=1), "relative": True},
    "cron": {"task": "t", "schedule": "*/5 * * * *"},
    "crontab": {"task": "t", "schedule": crontab(minute=0)},
    "at": {"task": "t", "schedule": at("09:00", tz="Asia/Shanghai")},
    "negative": {"task": "t", "schedule": -30},
    "no cron": {"task": "t", "schedule": "whenever"},
    "no task": {"schedule": 30},
    "no schedule": {"task": "t"},
    "yes": {"task": "t", "schedule": True},
    "typo": {"task": "t", "schedule": 30, "argz": ()},
    "text": "t",
}


def test_a_bad_entry_stops_no_other():
    good, bad = read_entries(GIVEN)
    assert [*good] == ["number", "relative", "cron", "crontab", "at"]
    assert (good["number"].args, good["number"].kwargs, good["number"].options) == ((1,), {"a": 1}, {"queue": "q"})
    assert good["relative"].schedule.relative
    assert good["cron"].schedule.next_after(NOON) == NOON + timedelta(minutes=5)
    assert bad == {
        "negative": "The entry negative cannot run: An interval of -30 seconds is negative; write more than 0.",
        "no cron": "The entry no cron cannot run: The cron string 'whenever' cannot be read or has no day (Wrong number"
        ' of fields); write five fields, as "0 9 * * *".',
        "no task": 'The entry no task cannot run: it names no task; write "task": the name of one.',
        "no schedule": 'The entry no schedule cannot run: its "schedule" is None; write seconds, a timedelta, a cron'
        " string or a schedule.",
        "yes": 'The entry yes cannot run: its "schedule" is True; write seconds, a timedelta, a cron'
        " string or a schedule.",
        "typo": "The entry typo cannot run: it has argz, which no entry has.",
        "text": 'The entry text cannot run: it is a value of type str; write a dict with "task" and "schedule".',
    }


@pytest.fixture
def app(isolated):
    return Umbel("scheduled", broker="memory://")


def test_an_app_s_configuration_holds_them(app):
    app.conf.beat_schedule = {name: GIVEN[name] for name in ("number", "cron", "crontab", "at")}
    app.conf.timezone = "Asia/Shanghai"

    @app.task(name="t")
    def task():
        return 1

    app.add_periodic_task(every(minutes=5), task.s(), name="added")
    app.add_periodic_task("0 9 * * *", task.s(), name="text")
    good, bad = read_entries(app.conf.beat_schedule, app)
    assert (bad, [*good]) == ({}, ["number", "cron", "crontab", "at", "added", "text"])
    assert good["text"].schedule.next_after(NOON) == datetime(2026, 11, 22, 1, tzinfo=UTC)
    assert good["crontab"].schedule.is_due(app.now())[0] is False


@pytest.mark.parametrize("when", [-1, timedelta(hours=-1), "31 of February", "0 0 31 2 *"])
def test_what_cannot_run_is_refused_where_it_is_added(app, when):
    @app.task(name="t")
    def task():
        return 1

    with pytest.raises(ValueError, match=r"negative|cannot be read"):
        app.add_periodic_task(when, task.s())


def test_a_schedule_of_one_s_own_has_to_say_when():
    class weekly(BaseSchedule):  # noqa: N801 - as Celery's
        def remaining_estimate(self, last_run_at):
            return last_run_at + timedelta(days=7) - self.now()

    app = Asked(moment=NOON)
    assert weekly(app=app).next_after(NOON) == NOON + timedelta(days=7)
    assert weekly(app=app).is_due(NOON - timedelta(days=7)) == (True, 7 * 86_400)
    with pytest.raises(TypeError, match="must say in remaining_estimate"):
        BaseSchedule(app=app).is_due(NOON)
