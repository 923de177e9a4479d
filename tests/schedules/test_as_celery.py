"""Celery itself beside umbel: the same questions about the same schedules, and the same answers."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedules.reckoning import ZONES, changes
from tests.schedules.support import Asked
from tests.support.signatures import ours, parameters
from umbel import schedules as mine

CLASSES = ["BaseSchedule", "schedule", "crontab", "crontab_parser", "solar"]


@cache
def theirs():
    """Celery's own; not imported whenever tests are collected."""
    import celery.schedules

    return celery.schedules


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("name", CLASSES)
def test_members_and_arguments(name):
    one, other = getattr(theirs(), name), getattr(mine, name)
    assert public(one) - public(other) == set()
    for member in ["__init__", "__eq__", "__reduce__", *public(one)]:
        found = inspect.getattr_static(one, member)
        function = getattr(found, "__func__", found)
        if inspect.isfunction(function):
            expected = parameters(str(inspect.signature(function).replace(return_annotation=inspect.Signature.empty)))
            got = getattr(other, member)
            got = getattr(got, "__func__", got)
            assert [one for one, _ in ours(got)] == [one for one, _ in expected], member


@st.composite
def questions(draw):
    """A zone, a last run near a day when its clocks are put, and a present after it."""
    zone = draw(st.sampled_from(ZONES))
    known = changes(zone, 2026) or [datetime(2026, 12, 31, 23, tzinfo=UTC)]
    last = draw(st.sampled_from(known)) + timedelta(seconds=draw(st.integers(-100_000, 100_000)))
    present = last + timedelta(seconds=draw(st.sampled_from([0, 1, 60, 3600, 7200, 90_000])))
    return Asked(zone, deadline=draw(st.sampled_from([None, 60, 7200])), moment=present), last


def field(low, high):
    return st.one_of(st.just("*"), st.sets(st.integers(low, high), min_size=1, max_size=4))


def answers(schedule, last):
    return schedule.remaining_estimate(last), tuple(schedule.is_due(last))


def examples(number):
    return settings(max_examples=number, deadline=None, derandomize=True, database=None)


@examples(200)
@given(questions(), st.tuples(field(0, 59), field(0, 23), field(0, 6), field(1, 31), field(1, 12)))
def test_crontab(question, fields):
    app, last = question
    try:
        one = theirs().crontab(*fields, app=app)
    except ValueError:
        with pytest.raises(ValueError, match="would never run"):
            mine.crontab(*fields, app=app)
        return
    assert answers(mine.crontab(*fields, app=app), last) == answers(one, last)


LENGTHS = [0.5, 1, 30, 60, 90, 3600, 5400, 86_400, 90_000, 7 * 86_400]


@examples(200)
@given(questions(), st.sampled_from(LENGTHS), st.booleans(), st.booleans())
def test_schedule(question, seconds, relative, local):
    app, last = question
    last = last.astimezone(app.timezone) if local else last
    assert answers(mine.schedule(seconds, relative, app=app), last) == answers(
        theirs().schedule(seconds, relative, app=app), last
    )


@pytest.mark.parametrize("seconds", [60, 3600, 5400, 7200])
def test_round_times_where_clocks_go_back_by_half_an_hour(seconds):
    """Lord Howe, 5 April 2026: after 01:59 comes 01:30, so that the round time may be before the last run."""
    app = Asked("Australia/Lord_Howe", moment=datetime(2026, 4, 4, 14, tzinfo=UTC))
    one, other = theirs().schedule(seconds, True, app=app), mine.schedule(seconds, True, app=app)
    for minutes in range(0, 120, 5):
        assert answers(other, (app.moment + timedelta(minutes=minutes)).astimezone(app.timezone)) == answers(
            one, (app.moment + timedelta(minutes=minutes)).astimezone(app.timezone)
        )


@pytest.mark.parametrize("event", sorted(mine.sun.EVENTS))
@pytest.mark.parametrize("place", [(31.23, 121.47), (69.65, 18.96), (-54.8, -68.3)])
def test_solar(event, place):
    """Shanghai; Tromsø, where the sun does not rise for two months; Ushuaia."""
    for month in range(1, 13, 2):
        app = Asked(moment=datetime(2026, month, 15, 12, tzinfo=UTC))
        one, other = theirs().solar(event, *place, app=app), mine.solar(event, *place, app=app)
        assert answers(other, app.moment - timedelta(hours=5)) == answers(one, app.moment - timedelta(hours=5))


@pytest.mark.parametrize("seconds", [0, 0.004, 0.5, 1, 59, 60, 90, 3600, 7200, 86_400, 1e6])
def test_words(seconds):
    assert mine.schedule(seconds).human_seconds == theirs().schedule(seconds).human_seconds
    assert repr(mine.schedule(seconds)) == repr(theirs().schedule(seconds))


def test_words_of_the_others():
    fields = {"minute": "*/5", "hour": {3}, "day_of_week": "mon"}
    assert repr(mine.crontab(**fields)) == repr(theirs().crontab(**fields))
    assert repr(mine.solar("sunset", 1, 2)) == repr(theirs().solar("sunset", 1, 2))
    assert mine.crontab.from_string("1 2 3 4 5") == mine.crontab(1, 2, 5, 3, 4)
    assert theirs().crontab.from_string("1 2 3 4 5") == theirs().crontab(1, 2, 5, 3, 4)
