"""Row 25: what runs when the clocks are changed, after a time without a scheduler, and after a pause: the exact
moments, in UTC, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from umbel import Umbel, clock
from umbel.adapters.memory import discard_store
from umbel.app.roster import Roster
from umbel.beat import AppSender, Beat
from umbel.beat.service import Watched
from umbel.beat.times import SECOND
from umbel.schedules import at, cron, crontab, every
from umbel.testing.clock import MovableClock, moved_clock

NEW_YORK, BRUSSELS = "America/New_York", "Europe/Brussels"

LONGEST = 25.0
"""Seconds by which the clock is moved at once; a tick that is so late is on time."""


def unix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Shop:
    """A project and its scheduler, which lives and dies. Entries: name -> schedule, or what an entry says."""

    def __init__(self, hands: MovableClock, stack: ExitStack, timezone: str, entries: dict[str, Any]) -> None:
        self.hands = hands
        self.app = stack.enter_context(Umbel("shop", broker="memory://row-25", set_as_current=False))
        stack.callback(discard_store, "memory://row-25")
        self.app.conf.timezone = timezone
        self.app.task(name="shop.report")(print)
        self.app.conf.beat_schedule = {
            name: {"task": "shop.report", **(said if isinstance(said, dict) else {"schedule": said})}
            for name, said in entries.items()
        }

    def live(self, until: str, *steps: tuple[str, Any]) -> None:
        """A scheduler begins now, and dies at a moment without a word; steps are taken while it lives."""
        with closing(self.app.coordinator()) as coordinator, closing(self.app.overrides()) as overrides:
            roster = Roster(self.app)
            entries = {one.name: one.entry for one in roster.listed() if one.entry}
            roster.watch(overrides)
            beat = Beat(
                coordinator, entries, AppSender(self.app), scope="shop", node="one@here", changes=Watched(roster)
            )  # fmt: skip
            for moment, step in (*steps, (until, None)):
                while (left := unix(moment) - clock.wall()) > 0:
                    beat.step()
                    self.hands.advance(min(left, LONGEST))
                beat.step()
                if step is not None:
                    step(self.app.schedules)

    def nothing_lives(self, until: str) -> None:
        """Nobody schedules until then."""
        self.hands.advance(unix(until) - clock.wall())

    def sent(self) -> dict[str, list[str]]:
        """The moments of each entry that ran, in the order in which they were sent; each has its message."""
        found, count = {}, 0
        with closing(self.app.coordinator()) as coordinator, closing(self.app.broker.shelf()) as shelf:
            for name in self.app.conf.beat_schedule:
                moments = [one.nominal / SECOND for one in reversed(coordinator.history(name)) if one.what == "sent"]
                found[name] = [datetime.fromtimestamp(one, UTC).strftime("%m-%d %H:%M") for one in moments]
                count += len(moments)
            assert len(list(shelf.items("ready"))) == count
        return found


@contextmanager
def opened(begin: str, entries: dict[str, Any], timezone: str = "UTC") -> Iterator[Shop]:
    with moved_clock(ticking=False) as hands, ExitStack() as stack:
        hands.set_wall(unix(begin))
        yield Shop(hands, stack, timezone, entries)


@pytest.mark.parametrize(
    ("zone", "hour", "days", "early", "noon", "intervals"),
    [
        (  # 02:30 is not there on the day on which the clocks go forward: the first moment that is
            NEW_YORK, "02:30", ("2026-03-07 07:00", "2026-03-09 16:30"),
            ["03-07 07:30", "03-08 07:00", "03-09 06:30"], ["03-07 17:00", "03-08 16:00", "03-09 16:00"],
            ["03-08 06:00", "03-09 06:00"],
        ),
        (
            BRUSSELS, "02:30", ("2026-03-28 01:00", "2026-03-30 10:30"),
            ["03-28 01:30", "03-29 01:00", "03-30 00:30"], ["03-28 11:00", "03-29 10:00", "03-30 10:00"],
            ["03-28 06:00", "03-29 06:00", "03-30 06:00"],
        ),
        (  # it is there twice on the day on which they go back: the first
            NEW_YORK, "01:30", ("2026-10-31 05:00", "2026-11-02 17:30"),
            ["10-31 05:30", "11-01 05:30", "11-02 06:30"], ["10-31 16:00", "11-01 17:00", "11-02 17:00"],
            ["10-31 06:00", "11-01 06:00", "11-02 06:00"],
        ),
        (
            BRUSSELS, "02:30", ("2026-10-24 00:00", "2026-10-26 11:30"),
            ["10-24 00:30", "10-25 00:30", "10-26 01:30"], ["10-24 10:00", "10-25 11:00", "10-26 11:00"],
            ["10-24 06:00", "10-25 06:00", "10-26 06:00"],
        ),
    ],
)  # fmt: skip
def test_the_days_on_which_the_clocks_are_changed(
    zone: str, hour: str, days: tuple[str, str], early: list[str], noon: list[str], intervals: list[str]
) -> None:
    """The app is at home in that zone; `crontab`, which is Celery's, goes by the app's, the others by their own."""
    hours, minutes = hour.split(":")
    entries = {
        "early": at(hour, tz=zone), "early by cron": cron(f"{minutes} {int(hours)} * * *", tz=zone),
        "noon": at("12:00", tz=zone), "noon by crontab": crontab(hour="12", minute="0"),
        "noon of UTC": at("12:00", tz="UTC"), "interval": every(hours=24, start=datetime(2026, 1, 1, 6, tzinfo=UTC)),
    }  # fmt: skip
    with opened(days[0], entries, zone) as shop:
        shop.live(days[1])
        sent = shop.sent()
    assert (sent["early"], sent["early by cron"]) == (early, early)
    assert (sent["noon"], sent["noon by crontab"]) == (noon, noon)
    assert sent["noon of UTC"] == [f"{day.partition(' ')[0]} 12:00" for day in noon[: len(sent["noon of UTC"])]]
    assert sent["interval"] == intervals


def test_days_without_a_scheduler_around_the_change() -> None:
    """Three runs of 02:30 in New York are missed; the one in the middle has no 02:30."""
    policies: dict[str, dict[str, Any]] = {
        "as in Celery": {}, "skip": {"catch_up": "skip"}, "last": {"catch_up": "last"}, "all": {"catch_up": "all"},
        "the newest two": {"catch_up": "all", "catch_up_most": 2},
        "of a day": {"catch_up": "all", "max_lateness": 86_400},
    }  # fmt: skip
    entries = {name: {"schedule": at("02:30", tz=NEW_YORK), **said} for name, said in policies.items()}
    with opened("2026-03-06 07:00", entries) as shop:
        shop.live("2026-03-06 08:00")
        shop.nothing_lives("2026-03-09 20:00")
        shop.live("2026-03-10 07:00")
        sent = shop.sent()
    first, missed, then = ["03-06 07:30"], ["03-07 07:30", "03-08 07:00", "03-09 06:30"], ["03-10 06:30"]
    assert sent == {
        "as in Celery": first + missed[-1:] + then, "skip": first + then, "last": first + missed[-1:] + then,
        "all": first + missed + then, "the newest two": first + missed[-2:] + then,
        "of a day": first + missed[-1:] + then,
    }  # fmt: skip


def test_a_pause_is_not_made_up_for() -> None:
    """Whatever `catch_up` says, and whether the scheduler lived on or not."""
    entries = {name: {"schedule": at("02:30", tz=BRUSSELS), "catch_up": name} for name in ("skip", "last", "all")}

    def both(change: str) -> Any:
        return lambda schedules: [getattr(schedules, change)(name) for name in entries]

    with opened("2026-10-23 00:00", entries) as shop:
        shop.live("2026-10-24 01:00", ("2026-10-23 01:00", both("pause")))
        shop.nothing_lives("2026-10-25 12:00")
        shop.live("2026-10-27 02:00", ("2026-10-26 02:00", both("resume")))
        sent = shop.sent()
    assert sent == {name: ["10-23 00:30", "10-27 01:30"] for name in entries}
