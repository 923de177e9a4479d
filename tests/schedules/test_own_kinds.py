"""What umbel's own schedules promise beside their times: bounds, jitter, refusals, copies; and Celery's question."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedules.support import Asked, after
from umbel.exceptions import MissingExtra
from umbel.schedules import NEVER, at, cron, crontab, every, maybe_schedule, once, schedule, solar

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_start_and_end_are_both_included():
    schedule = every(hours=6, start="2026-11-22T09:00", end="2026-11-22T21:00", tz="Asia/Shanghai")
    hours = [datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (1, 7, 13)]
    assert after(schedule, NOON, NOON + 9 * DAY) == hours
    assert schedule.next_after(hours[-1]) is None
    bounded = at("09:00", start=hours[0], end=hours[0] + DAY, tz="Asia/Shanghai")
    assert after(bounded, NOON, NOON + 9 * DAY) == [hours[0], hours[0] + DAY]


def test_intervals_are_counted_from_the_start_or_from_local_midnight():
    assert every(days=1, tz="Asia/Shanghai").next_after(NOON) == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert every(minutes=7, start=NOON).next_after(NOON) == NOON + timedelta(minutes=7)


def test_once_fires_once_and_says_that_it_is_over():
    moment = once("2026-11-21T20:00", tz="Asia/Shanghai", app=Asked(moment=NOON))
    assert after(moment, NOON - DAY, NOON + DAY) == [NOON]
    assert moment.is_due(NOON - DAY) == (True, NEVER.total_seconds())
    assert moment.is_due(NOON) == (False, NEVER.total_seconds())
    assert once(NOON).next_after(NOON - DAY) == NOON


def test_local_times_without_a_zone_are_the_app_s():
    app = Asked("America/New_York")
    for made in (at("09:00", app=app), cron("0 9 * * *", app=app), once("2026-11-22T09:00", app=app)):
        assert made.next_after(datetime(2026, 11, 22, tzinfo=UTC)) == datetime(2026, 11, 22, 14, tzinfo=UTC)


def test_the_app_may_come_later():
    """Made before there is an app: its zone is asked for when it is needed, and not before."""
    for made in (once("2026-11-22T09:00"), at("09:00", start="2026-11-22", end="2026-11-23")):
        found = maybe_schedule(made, app=Asked("Asia/Shanghai"))
        assert found.next_after(NOON) == datetime(2026, 11, 22, 1, tzinfo=UTC)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.floats(0, 300), st.text("abc", max_size=8), st.integers(0, 10**6))
def test_jitter_is_a_part_of_what_was_asked_and_the_same_for_all(jitter, key, minutes):
    one, other = every(minutes=5, jitter=jitter), every(minutes=5, jitter=jitter)
    nominal = one.next_after(NOON + timedelta(minutes=minutes))
    assert nominal == every(minutes=5).next_after(NOON + timedelta(minutes=minutes))
    assert timedelta(0) <= one.delay(nominal, key) <= timedelta(seconds=jitter)
    assert one.delay(nominal, key) == other.delay(nominal, key)


def test_jitter_spreads():
    schedule = every(minutes=5, jitter=300)
    delays = sorted(schedule.delay(NOON, f"entry {number}") for number in range(1000))
    assert delays[100] < timedelta(seconds=60) < delays[500] < timedelta(seconds=240) < delays[900]
    assert schedule.delay(NOON) != schedule.delay(NOON + timedelta(minutes=5))


def test_celery_s_question_waits_for_the_jitter():
    schedule = every(minutes=5, jitter=60)
    nominal = schedule.next_after(NOON)
    delay = schedule.delay(nominal)
    schedule.app = Asked(moment=nominal + delay / 2)
    assert schedule.is_due(NOON) == (False, pytest.approx(delay.total_seconds() / 2, abs=1e-5))
    schedule.app = Asked(moment=nominal + delay)
    due, seconds = schedule.is_due(NOON)
    assert due
    assert 0 < seconds <= 360


def test_a_beat_that_asks_runs_each_time_once():
    """Celery's loop: ask, run, remember when, ask again after so many seconds."""
    app = Asked(moment=NOON)
    schedule = cron("*/15 9-10 * * *", tz="Asia/Shanghai", app=app)
    last, runs = NOON, []
    while app.moment < NOON + DAY:
        due, seconds = schedule.is_due(last)
        if due:
            last = app.moment
            runs.append(app.moment)
        app.moment += timedelta(seconds=seconds)
    assert runs == after(schedule, NOON, NOON + DAY)
    assert len(runs) == 8
    assert all(later - run >= timedelta(minutes=15) for run, later in pairwise(runs))


MADE = [
    every(minutes=5, jitter=3, start="2026-01-01"), at("09:00", "17:30:05", days="mon-fri", tz="Asia/Shanghai"),
    cron("0 0 L * *", end=NOON), cron("@daily"), once(NOON, jitter=9), schedule(30, True), crontab(5, day_of_week={1}),
    solar("sunset", 31, 121),
]  # fmt: skip


@pytest.mark.parametrize("made", MADE, ids=repr)
def test_a_copy_is_the_same_and_others_are_not(made):
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    assert repr(copy) == repr(made)
    assert [other for other in MADE if other == made] == [made]
    assert copy.next_after(NOON - DAY) == made.next_after(NOON - DAY)


def test_what_it_looks_like():
    assert [repr(made) for made in MADE[:3]] == [
        "every(seconds=300.0, start='2026-01-01T00:00:00', jitter=3)",
        "at('09:00', '17:30:05', days='mon-fri', tz='Asia/Shanghai')",
        "cron('0 0 L * *', end='2026-11-21T12:00:00+00:00')",
    ]


REFUSED = {
    "31 February": (lambda: cron("0 0 31 2 *"), "cannot be read or has no day"),
    "no fifth Monday on the first": (lambda: cron("0 0 */31 * mon#5"), "no day of 50 years fits it"),
    "crontab of 30 February": (lambda: crontab(0, 0, day_of_month=30, month_of_year=2), "no day 30 in month 2"),
    "crontab of 31 April and June": (lambda: crontab(0, 0, "*", 31, "4,6"), "no day 31 in month 4,6"),
    "four fields": (lambda: cron("0 0 * *"), "write five fields"),
    "minute 60": (lambda: cron("60 * * * *"), "Bad minute"),
    "no such zone": (lambda: at("09:00", tz="Europe/Atlantis"), "no time zone 'Europe/Atlantis'; write a name"),
    "a folder of zones": (lambda: at("09:00", tz="Europe"), "no time zone 'Europe'"),
    "a path": (lambda: at("09:00", tz="../etc/passwd"), "no time zone"),
    "negative interval": (lambda: every(minutes=-5), "-300 seconds never ends; write more than 0"),
    "no interval": (every, "0 seconds never ends"),
    "negative interval of Celery's": (lambda: schedule(-1), "-1 seconds is negative"),
    "negative jitter": (lambda: every(minutes=5, jitter=-1), "jitter of -1 seconds is negative"),
    "jitter beyond the interval": (lambda: every(minutes=5, jitter=301), "longer than the interval"),
    "hour 25": (lambda: at("25:00"), "'25:00' is no time of a day"),
    "a word": (lambda: at("noon"), "'noon' is no time of a day"),
    "no time": (lambda: at(tz="UTC"), "without a time"),
    "no such day": (lambda: at("09:00", days="mon-funday"), "no days of the week"),
    "end before start": (lambda: every(hours=1, start="2027-01-01", end="2026-01-01"), "before the start"),
    "not a date": (lambda: once("tomorrow"), "'tomorrow' is no moment"),
    "once with an end": (lambda: once(NOON, end=NOON), "no start and no end"),
    "no event": (lambda: solar("moonrise", 1, 1), "no event 'moonrise'"),
    "no latitude": (lambda: solar("sunset", 91, 1), "latitude 91"),
    "no longitude": (lambda: solar("sunset", 1, -181), "longitude -181"),
    "four fields of crontab": (lambda: crontab.from_string("1 2 3 4"), "has 4 fields"),
    "an empty field": (lambda: crontab(minute=[]), "a field of crontab is empty"),
    "hour 24": (lambda: crontab(hour={24}), "its values are 0 to 23"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_run_is_refused_when_it_is_made(what):
    make, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=f"(?i){sentence}"):
        make()


def test_fields_of_another_type_are_refused():
    with pytest.raises(TypeError, match="not None"):
        crontab(minute=None)


def test_a_missing_extra_is_one_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ephem", None)
    with pytest.raises(
        MissingExtra, match=r'^The schedule "solar" needs a package; type: pip install "umbel\[solar\]"$'
    ):
        solar("sunset", 31, 121)
