"""umbel's own schedules against a reckoning from zoneinfo alone, above all on days when clocks are put."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.schedules.reckoning import ZONES, changes, fires
from tests.schedules.support import after
from umbel.schedules import at, cron, every

MOMENTS = st.integers(946_684_800, 2_208_988_800).map(lambda second: datetime.fromtimestamp(second, UTC))
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def examples(number):
    """So many, the same in every run."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


@st.composite
def stretches(draw, before, length):
    """A zone and a stretch of time, most often around a day when its clocks are put."""
    zone = draw(st.sampled_from(ZONES))
    year = draw(st.integers(2012, 2036))
    known = changes(zone, year)
    anywhere = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 365)))
    centre = draw(st.sampled_from(known)) if known and draw(st.integers(0, 3)) else anywhere
    begin = centre - draw(st.sampled_from([timedelta(0), before])) + timedelta(minutes=draw(st.integers(-90, 90)))
    return zone, begin, begin + length


def some(low, high, most=4):
    """Values of a field, round ones above all: clocks are put at full and half hours."""
    values = st.integers(low, high) | st.sampled_from([value for value in (0, 15, 30, 45) if value <= high])
    return st.sets(values, min_size=1, max_size=most)


def written(values):
    return ",".join(map(str, sorted(values)))


def reckoned(fits, zone, begin, end, step=MINUTE, **options):
    """With a day of run-up, so that a clock that was put before the stretch counts as well."""
    found = fires(fits, zone, begin - timedelta(hours=30), end, step=step, **options)
    return [moment for moment in found if moment >= begin]


@examples(30)
@given(stretches(timedelta(hours=20), timedelta(hours=50)), some(0, 59), some(0, 5), some(0, 23, 2))
def test_named_hours_fire_once(stretch, minutes, early, hours):
    zone, begin, end = stretch
    hours = hours | early  # clocks are put at night
    schedule = cron(f"{written(minutes)} {written(hours)} * * *", tz=zone)
    expected = reckoned(lambda time: time.minute in minutes and time.hour in hours, zone, begin, end)
    assert after(schedule, begin, end) == expected


@examples(30)
@given(stretches(timedelta(hours=8), timedelta(hours=16)), some(0, 59))
def test_every_hour_follows_the_clock(stretch, minutes):
    zone, begin, end = stretch
    expected = reckoned(lambda time: time.minute in minutes, zone, begin, end, always=True)
    assert after(cron(f"{written(minutes)} * * * *", tz=zone), begin, end) == expected


@examples(10)
@given(stretches(timedelta(minutes=40), timedelta(minutes=80)), some(0, 59), st.booleans())
def test_six_fields_count_seconds(stretch, seconds, named):
    zone, begin, end = stretch
    hours = range(4) if named else range(24)
    text = f"{written(seconds)} */20 {'0-3' if named else '*'} * * *"
    found = fires(
        lambda time: time.second in seconds and time.minute % 20 == 0 and time.hour in hours,
        zone, begin - timedelta(hours=4), end, step=SECOND, always=not named,
    )  # fmt: skip
    assert after(cron(text, tz=zone), begin, end) == [moment for moment in found if moment >= begin]


@examples(20)
@given(stretches(timedelta(days=1), timedelta(days=4)), st.sets(st.times(), min_size=1, max_size=3), some(0, 6, 7))
def test_times_of_the_day_fire_once_on_their_days(stretch, times, days):
    zone, begin, end = stretch
    exact = {time.replace(second=0, microsecond=0) for time in times}
    schedule = at(*(f"{time:%H:%M}" for time in exact), days=written(days), tz=zone)
    expected = reckoned(lambda now: now.time() in exact and now.isoweekday() % 7 in days, zone, begin, end)
    assert after(schedule, begin, end) == expected


@examples(60)
@given(
    st.sampled_from(ZONES),
    MOMENTS,
    st.integers(1, 40 * 24 * 3600),
)
def test_intervals_are_real_time(zone, moment, seconds):
    schedule = every(seconds=seconds, tz=zone)
    first = schedule.next_after(moment)
    second = schedule.next_after(first)
    assert moment < first <= moment + timedelta(seconds=seconds)
    assert second - first == timedelta(seconds=seconds)


SOME = [
    cron("30 2 * * *", tz="Europe/Berlin"), cron("*/7 * * * *", tz="Australia/Lord_Howe"),
    at("00:00", "02:15", tz="America/Havana"), every(minutes=7), cron("0 0 29 2 *", tz="Asia/Shanghai"),
]  # fmt: skip


@examples(100)
@given(
    st.sampled_from(SOME),
    MOMENTS,
    st.integers(0, 10**6),
)
def test_a_later_question_never_has_an_earlier_answer(schedule, moment, later):
    """And nothing is passed over: whatever lies before the answer has the same answer."""
    answer = schedule.next_after(moment)
    assert answer > moment
    between = moment + min(timedelta(seconds=later), answer - moment - datetime.resolution)
    assert schedule.next_after(between) == answer


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_that_does_not_exist_fires_at_the_first_valid_moment():
    """In Berlin, 29 March 2026: after 01:59 comes 03:00, which is 01:00 in UTC."""
    begin, end = utc("2026-03-28T12:00"), utc("2026-03-30T12:00")
    expected = [utc("2026-03-29T01:00"), utc("2026-03-30T00:30")]
    assert after(at("02:30", tz="Europe/Berlin"), begin, end) == expected
    assert after(cron("30 2 * * *", tz="Europe/Berlin"), begin, end) == expected
    assert after(cron("0,15,30,45 2 * * *", tz="Europe/Berlin"), begin, end)[0:2] == [
        utc("2026-03-29T01:00"), utc("2026-03-30T00:00"),
    ]  # fmt: skip


def test_a_time_that_exists_twice_fires_the_first_time():
    """In Berlin, 25 October 2026: after 02:59 comes 02:00 again; the first 02:30 is 00:30 in UTC."""
    begin, end = utc("2026-10-25T00:00"), utc("2026-10-26T00:00")
    assert after(at("02:30", tz="Europe/Berlin"), begin, end) == [utc("2026-10-25T00:30")]
    assert after(cron("30 2 * * *", tz="Europe/Berlin"), begin, end) == [utc("2026-10-25T00:30")]
    for schedule in (at("02:30", tz="Europe/Berlin"), cron("30 2 * * *", tz="Europe/Berlin")):
        assert schedule.next_after(utc("2026-10-25T01:10")) == utc("2026-10-26T01:30")  # asked at the second 02:10
    assert len(after(cron("30 * * * *", tz="Europe/Berlin"), begin, end)) == 24  # never silent for two hours


def test_a_day_that_does_not_exist():
    """Samoa left out 30 December 2011: what was to run on it runs when the 31st begins."""
    begin, end = utc("2011-12-29T12:00"), utc("2011-12-31T12:00")
    fired = after(at("09:00", tz="Pacific/Apia"), begin, end)
    assert fired == [utc("2011-12-29T19:00"), utc("2011-12-30T10:00"), utc("2011-12-30T19:00")]


def test_leap_days_and_ends_of_years():
    leap = cron("0 0 29 2 *", tz="UTC")
    assert after(leap, utc("2096-01-01T00:00"), utc("2109-01-01T00:00")) == [
        utc("2096-02-29T00:00"), utc("2104-02-29T00:00"), utc("2108-02-29T00:00"),
    ]  # fmt: skip
    midnight = cron("59 59 23 31 12 *", tz="Asia/Shanghai")
    assert midnight.next_after(utc("2026-12-31T15:59:59")) == utc("2027-12-31T15:59:59")
    assert at("00:00", tz="Asia/Shanghai").next_after(utc("2026-12-31T15:59:59")) == utc("2026-12-31T16:00")
