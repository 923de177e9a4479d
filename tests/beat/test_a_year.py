"""A year of entries in all zones, tick by tick, against a walk over the clocks on the walls."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from tests.beat.scene import NOON, Sender, World
from tests.schedules.reckoning import ZONES
from tests.support import scale
from umbel.beat.times import SECOND
from umbel.schedules import at, cron

ENTRIES = scale.count(full=500, small=13)
DAYS = scale.count(full=365, small=4)
BEGIN = datetime(2027, 3, 25, tzinfo=UTC)  # before the clocks of Europe are put; those of others follow in the year
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Noting(Sender):
    """Notes what is sent, and sends nothing: a year of messages would fill the memory."""

    def __init__(self):
        super().__init__()
        self.noted = defaultdict(list)

    def compose(self, entry, task_id, nominal):
        self.noted[entry.name].append(nominal // SECOND)
        return []


@cache
def walls(zone):
    """What the clock of a zone shows at each minute, from two days before the beginning, as minutes since 1970."""
    first, shown = int((BEGIN - timedelta(days=2)).timestamp()) // 60, []
    for hour in range(first, first + (DAYS + 2) * 1440, 60):
        if offset(zone, hour) == offset(zone, hour + 60):
            shown += range(hour + offset(zone, hour), hour + offset(zone, hour) + 60)
        else:
            shown += [minute + offset(zone, minute) for minute in range(hour, hour + 60)]
    return shown


@cache
def offset(zone, minute):
    """By how many minutes the clock is ahead of UTC."""
    return int(datetime.fromtimestamp(60 * minute, ZoneInfo(zone)).utcoffset().total_seconds()) // 60


def reckoned(zone, times, days, *, always=False):
    """Unix times at which something runs that local times decide: once for each, at the first moment when the clock has
    come to it or has passed it; always: whenever the clock shows one.
    """
    found, latest = [], None
    first = int((BEGIN - timedelta(days=2)).timestamp())
    for number, wall in enumerate(walls(zone)):
        if latest is None or always:
            come = wall % 1440 in times and (wall // 1440 + 3) % 7 in days
        else:  # nothing while a clock that was put back comes to the same times again
            passed = range(latest + 1, wall + 1)
            come = any(one % 1440 in times and (one // 1440 + 3) % 7 in days for one in passed)
        if come:
            found.append(first + 60 * number)
        latest = wall if latest is None or wall > latest else latest
    return [second for second in found if second > BEGIN.timestamp()]


def drawn(chance, zone):
    """An entry's schedule, and what it comes to."""
    days = sorted(chance.sample(range(7), chance.choice((7, 7, 2, 5))))
    names = ",".join(WEEKDAYS[day] for day in days)
    kind = chance.choice(("at", "cron", "cron", "hourly"))
    if kind == "hourly":
        minutes = sorted(chance.sample(range(60), 1))
        text = f"{minutes[0]} * * * {names}"
        return cron(text, tz=zone), reckoned(zone, {60 * h + minutes[0] for h in range(24)}, days, always=True)
    times = {60 * chance.choice((0, 1, 2, 3, chance.randrange(24))) + chance.choice((0, 30, chance.randrange(60)))}
    if kind == "at":
        times.add(60 * chance.randrange(24))
        words = [f"{time // 60:02d}:{time % 60:02d}" for time in sorted(times)]
        return at(*words, days=names, tz=zone), reckoned(zone, times, days)
    time = times.pop()
    return cron(f"{time % 60} {time // 60} * * {names}", tz=zone), reckoned(zone, {time}, days)


@pytest.mark.chaos
@scale.limit(60)
def test_every_tick_of_a_year():
    chance = random.Random(scale.seed())
    zones = (ZONES * 3 + sorted(available_timezones() - {"Factory", "localtime"}))[: ENTRIES - ENTRIES % 13 or 13]
    zones = [zones[number % len(zones)] for number in range(ENTRIES)]
    entries, expected = {}, {}
    for number, zone in enumerate(zones):
        name = f"{number} {zone}"
        schedule, expected[name] = drawn(chance, zone)
        entries[name] = {"task": "t", "schedule": schedule}
    world = World(entries)
    assert not world.bad
    world.now, world.sender = BEGIN.timestamp(), Noting()
    world.start()
    world.run(DAYS * 86_400 - 1)
    for name, ticks in expected.items():
        assert world.sender.noted[name] == [tick for tick in ticks if tick < world.now], name
    assert sum(map(len, expected.values())) > ENTRIES
    assert world.now > NOON
