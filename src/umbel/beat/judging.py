"""Which of the due ticks are sent. Pure.

A tick that is at most `FRESH` late is on time: a leader that died is replaced within that, and each of its ticks is
sent. What is older was missed while nobody scheduled, and the entry's `catch_up` decides:

    last   (Celery's) one run for all of it, the newest
    skip   none of it
    all    all of it, at most `catch_up_most`, the newest
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from ..schedules import Entry, crontab
from .times import SECOND, fires, moment

FRESH: Final = 30 * SECOND
"""How late a tick may be that counts as on time."""


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of the ticks that are due.

    Attributes:
        send: nominal times, ascending.
        dropped: how many older ones are not sent.
        upto: nominal time of the newest of these, 0 for none.
        why: a few words about them.
    """

    send: list[int]
    dropped: int = 0
    upto: int = 0
    why: str = ""


def judge(entry: Entry, due: list[int], count: int, now: int, *, held: bool = False) -> Verdict:
    """Decide.

    Args:
        entry: whose ticks.
        due: nominal times, ascending, at least one.
        count: how many there are, those left out of ``due`` included.
        now: microseconds.
        held: they have waited for the end of the task before, so nothing was missed.
    """
    policy = entry.policy
    chosen, why = (due[-1:], "") if held else _caught_up(entry, due, now)
    if policy.overlap != "allow" and len(chosen) > 1:
        chosen, why = chosen[-1:], f"overlap is {policy.overlap}: the newest stands for all"
    most = _lateness(entry)
    in_time = [nominal for nominal in chosen if most is None or now - fires(entry, nominal) <= most]
    if len(in_time) < len(chosen):
        late = timedelta(microseconds=now - fires(entry, chosen[0]))
        chosen, why = in_time, f"{late.total_seconds():.0f} s late, at most {(most or 0) / SECOND:g} s are allowed"
    dropped = count - len(chosen)
    if not dropped:
        return Verdict(chosen)
    left = due[: len(due) - len(chosen)]  # what is sent is the newest
    upto = left[-1] if left else chosen[0] - 1
    return Verdict(chosen, dropped, upto, why or "more than catch_up_most")


def _caught_up(entry: Entry, due: list[int], now: int) -> tuple[list[int], str]:
    """What the catch-up policy sends, and why not the rest."""
    policy = entry.policy
    if now - fires(entry, due[0]) <= FRESH:
        return due, ""
    words = f"missed, and catch_up is {policy.catch_up}"
    if policy.catch_up == "all":
        return due[-policy.catch_up_most :], f"{words}, at most {policy.catch_up_most}"
    newest = due[-1:]
    if policy.catch_up == "last":
        return newest, f"{words}: the run of {moment(newest[0]):%Y-%m-%d %H:%M:%S} UTC stands for all"
    return (newest if now - fires(entry, newest[0]) <= FRESH else []), words


def _lateness(entry: Entry) -> int | None:
    """Microseconds after which a tick is too late; for `crontab` Celery's setting as well."""
    seconds = [entry.policy.max_lateness, entry.policy.expires]
    if isinstance(entry.schedule, crontab) and (app := entry.schedule.app) is not None:
        seconds.append(app.conf.beat_cron_starting_deadline)
    known = [float(one) for one in seconds if one is not None]
    return int(min(known) * SECOND) if known else None
