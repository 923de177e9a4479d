"""What a schedule looks like from outside: when each entry ran, when it runs next, and why. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec

from ..app.roster import Listed, Words
from ..coordinator import Lease, Mark, Moment, Standing
from ..schedules import Entry
from .times import SECOND, asks_only, fires, following, moment

LATE: Final = 30.0
"""Seconds after which a tick that was not sent is said to be late."""

_HAPPENED: Final = {
    "began": "was seen for the first time", "sent": "was sent", "skipped": "was left out",
    "failed": "could not be made",
}  # fmt: skip


class Row(msgspec.Struct, frozen=True):
    """One entry; times are unix times.

    Attributes:
        name, task: of the entry.
        schedule: its text.
        last: when it was sent last by its schedule, None when it never was.
        next: when it is sent next, None when it is not any more.
        lag: seconds for which that is over, 0.0 when it is to come.
        source: where it is from, or what was changed at run time, see `Listed`.
        by: who changed it, "" when nobody has.
        wrong: why it cannot run, "" when it can.
    """

    name: str
    task: str
    schedule: str
    last: float | None
    next: float | None
    lag: float
    source: str = "code"
    by: str = ""
    wrong: str = ""


def rows(listed: Iterable[Listed], standing: Standing, now: float) -> list[Row]:
    """Each entry, in the order in which they are given."""
    return [_row(one, standing.marks.get(one.name), now) for one in listed]


def _row(one: Listed, mark: Mark | None, now: float) -> Row:
    by = one.override.by if one.override else ""
    last = mark.sent / SECOND if mark and mark.sent else None
    entry = one.entry
    if entry is None:
        return Row(one.name, "", "", last, None, 0.0, one.source, by, one.wrong)
    coming = next(runs(entry, mark, now), None)
    lag = max(0.0, now - coming) if coming is not None else 0.0
    return Row(one.name, entry.task, repr(entry.schedule), last, coming, lag, one.source, by)


def runs(entry: Entry, mark: Mark | None, now: float) -> Iterator[float]:
    """The times at which an entry is sent from its mark on; of a schedule that tells only the next one, that.

    None while it is paused for as long as nobody resumes it; otherwise those after the pause.
    """
    at = mark.nominal if mark else int(now * SECOND)
    if entry.pause is not None and entry.paused(now):
        if entry.pause.until is None:
            return
        at = max(at, int(entry.pause.until * SECOND))
    while True:
        try:
            found = following(entry, at)
        except Exception:  # a schedule may be anybody's; a scheduler says what is wrong with it
            return
        if found is None:
            return
        yield fires(entry, found) / SECOND
        if asks_only(entry.schedule):
            return
        at = found


def coming(entries: Iterable[Entry], standing: Standing, now: float, most: int) -> list[tuple[float, str]]:
    """The next runs of all, ascending, with the names of their entries; not those that nobody has sent in time."""
    earliest = int((now - LATE) * SECOND)

    def named(entry: Entry) -> Iterator[tuple[float, str]]:
        mark = standing.marks.get(entry.name)
        if mark is not None and mark.nominal < earliest and not asks_only(entry.schedule):
            mark = msgspec.structs.replace(mark, nominal=int(now * SECOND))
        for at in runs(entry, mark, now):
            yield at, entry.name

    merged = heapq.merge(*(named(entry) for entry in entries))
    return [one for one, _ in zip(merged, range(most), strict=False)]


def why(
    listed: Listed, standing: Standing, history: Sequence[Moment], changes: Sequence[Moment], now: float, *,
    renewed: bool,
) -> list[str]:  # fmt: skip
    """Sentences: by what it runs, who changed it, who sends it, what happened lately, when it runs next.

    Args:
        listed: which.
        standing: of its scope.
        history, changes: of the entry and of the leader, newest first.
        now: unix time.
        renewed: whether the leader was seen to renew its lease.
    """
    entry = listed.entry
    if entry is None:
        return [listed.wrong] if listed.wrong else _removed(listed)
    zone = zone_of(entry.schedule)
    told = [f"{entry.name} runs {entry.task} by {entry.schedule!r}, in the time zone {zone}."]
    told += _policy(entry)
    told += _changes_of(listed, zone)
    told.append(_leader(standing.lease, renewed=renewed))
    mark = standing.marks.get(entry.name)
    if mark is None:
        told.append(
            "No scheduler has seen this entry: the one that leads was started before it was there, or none ran."
        )
    told += [_line(one, zone) for one in sorted([*history, *_between(history, changes)], key=lambda one: -one.at)]
    found = next(runs(entry, mark, now), None)
    if found is None and entry.paused(now):
        told.append("It runs again when somebody resumes it.")
    elif found is None:
        told.append("It does not run any more: its schedule has no other time.")
    elif now - found > LATE:
        told.append(f"It should have run at {local(found, zone)}, {now - found:.0f} s ago, and nobody has sent it.")
    else:
        told.append(f"It runs next at {local(found, zone)}, in {max(0.0, found - now):.0f} s.")
    return told


def zone_of(when: Any) -> tzinfo:
    """The time zone that a schedule reckons in."""
    found: tzinfo = when.zone if hasattr(when, "zone") else when.tz
    return found


def local(at: float, zone: tzinfo) -> str:
    """A unix time for people, in a zone, with its offset."""
    return datetime.fromtimestamp(at, zone).isoformat(" ", "seconds")


def _policy(entry: Entry) -> list[str]:
    said = msgspec.structs.asdict(entry.policy)
    plain = msgspec.structs.asdict(type(entry.policy)())
    own = [f"{name} {value}" for name, value in said.items() if value != plain[name]]
    return [f"Of it is said: {', '.join(own)}."] if own else []


def _changes_of(listed: Listed, zone: tzinfo) -> list[str]:
    """What was changed at run time."""
    entry, override = listed.entry, listed.override
    if override is None:
        return []
    at, keys = local(override.at, zone), ", ".join(sorted(Words.read(override).entry))
    told = []
    if listed.source == "added":
        told.append(f"It was added at run time, and changed last by {override.by} at {at}.")
    elif keys:
        told.append(f"Not as the code has it, since {override.by} edited it at {at}: {keys}.")
    pause = entry.pause if entry else None
    if pause is not None:
        end = f" until {local(pause.until, zone)}" if pause.until is not None else ""
        told.append(f"{pause.by} paused it at {local(pause.since, zone)}{end}.")
    return told


def gone(name: str, standing: Standing, changes: Sequence[Moment]) -> list[str]:
    """Sentences about an entry that there is none of: who took it away, or that the code had it once.

    Args:
        name: its name.
        standing: of its scope.
        changes: moments of no entry, newest first.
    """
    for one in changes:
        if one.what == "changed" and one.detail.startswith(f"{name}: "):
            return [f"{name} is not there any more: {one.node} removed it at {local(one.at, UTC)}."]
    return [f"{name} is not in beat_schedule any more."] if name in standing.marks else []


def _removed(listed: Listed) -> list[str]:
    override = listed.override
    assert override is not None
    return [
        (
            f"{listed.name} is not sent: {override.by} removed it at {local(override.at, UTC)}. "
            f"The code still has it; umbel schedule reset {listed.name} sends it again."
        )
    ]


def _leader(lease: Lease | None, *, renewed: bool) -> str:
    if lease is None:
        return "No scheduler has ever run over this store: start umbel beat."
    if not lease.leader:
        return f"No scheduler runs: {lease.node} was the last, and ended. Start umbel beat."
    if renewed:
        return f"{lease.node} leads."
    return f"{lease.node} should lead, and is silent: it is dead, stopped, or cannot reach the store."


def _between(history: Sequence[Moment], changes: Sequence[Moment]) -> list[Moment]:
    """Changes of the leader that are not older than what is told of the entry."""
    oldest = history[-1].at if history else float("inf")
    return [one for one in changes if one.at >= oldest and one.what == "led"]


def _line(one: Moment, zone: tzinfo) -> str:
    if one.what == "led":
        return f"{local(one.at, zone)}  {one.node} took the lead."
    if one.what == "changed":
        return f"{local(one.at, zone)}  {one.node}: {one.detail}."
    words = _HAPPENED[one.what]
    subject = "The entry" if one.what == "began" else f"The run of {local(moment(one.nominal).timestamp(), zone)}"
    return f"{local(one.at, zone)}  {subject} {words}{f' ({one.detail})' if one.detail else ''}."
