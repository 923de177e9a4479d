"""`app.schedules`: the periodic tasks while they run. What is changed here acts within a second, without a restart."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from .. import clock
from ..coordinator import Moment, Overrides
from ..exceptions import NotFound, OperationalError
from ..ids import new_id
from ..loading import did_you_mean
from ..result import AsyncResult
from ..schedules import Entry, ParseException, Pause, read_entries, write_schedule
from ..sender import Sender
from .periodic import composed
from .roster import Configured, Listed, Roster, Words

_TRIES: Final = 10
"""Attempts while others change the same entry."""

_PRIVATE: Final = ("args", "kwargs", "options")
"""Keys whose values the history does not tell: they may hold what only the task is to know."""

Until = datetime | timedelta | float | None
"""A moment, a duration from now, seconds from now, or no end."""


class App(Configured, Sender, Protocol):
    """What this needs of an app."""

    def overrides(self) -> Overrides:
        """What was changed at run time; whoever asks closes it."""
        ...

    def import_modules(self) -> None:
        """Import all that hold tasks."""
        ...

    def AsyncResult(self, id: str) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """The handle on a result."""
        ...


class Schedules:
    """The entries of an app.

    What is changed is kept in the store, in the name of the app, and stays until it is changed back: a new deployment
    of the code does not undo it. Each change is checked before it is stored, and has a line in the entry's history.

    Args:
        app: whose entries.

    Example:
        >>> app.schedules.add("hourly", "shop.report", "every(hours=1)")   # doctest: +SKIP
        >>> app.schedules.pause("nightly", until=timedelta(hours=2))       # doctest: +SKIP
    """

    def __init__(self, app: App) -> None:
        self._app = app

    def all(self) -> list[Listed]:
        """All entries as they are now.

        Raises:
            ImproperlyConfigured: the store keeps no schedules.
            OperationalError: it does not answer.
        """
        with self._opened() as (roster, _):
            return roster.listed()

    def get(self, name: str) -> Listed:
        """One entry.

        Raises:
            NotFound: there is none of this name.
            ImproperlyConfigured, OperationalError: as of `all`.
        """
        with self._opened() as (roster, _):
            return _found(roster, name)

    def add(
        self, name: str, task: str, schedule: Any, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None, *, any_task: bool = False, by: str | None = None, **more: Any,
    ) -> Listed:  # fmt: skip
        """A new entry. It begins now.

        Args:
            name: of the entry.
            task: name of the task.
            schedule: seconds, a timedelta, a cron string, a schedule, or its text, as "every(minutes=5)".
            args, kwargs: of the task; what JSON can carry.
            options: as `Task.apply_async` takes them.
            any_task: do not ask whether this app knows the task, and takes these arguments.
            by: who does it, for the history; user and host unless given.
            more: what an entry may say besides: ``overlap``, ``catch_up``, ``catch_up_most``, ``max_lateness``,
                ``expires``, ``relative``.

        Raises:
            ValueError: it cannot run, or there is one of this name.
            ImproperlyConfigured, OperationalError: as of `all`.
        """
        said = {
            "task": task, "schedule": _text(name, schedule), "args": list(args), "kwargs": dict(kwargs or {}),
            "options": dict(options or {}), **more,
        }  # fmt: skip

        def make(roster: Roster, words: Words) -> Words:
            if roster.base(name) is not None or words.entry:
                raise ValueError(f"There is an entry {name} already; edit it, or give this one another name.")
            return Words({key: value for key, value in said.items() if value not in (None, [], {})})

        self._check(name, said, any_task=any_task)
        return self._changed(name, make, "added", by)

    def edit(self, name: str, *, any_task: bool = False, by: str | None = None, **changes: Any) -> Listed:
        """Change an entry; one from the code keeps what is not named here.

        Args:
            name: of the entry.
            any_task, by: as of `add`.
            changes: its keys; None stands for what an entry has that does not say it.

        Raises:
            NotFound: there is none of this name.
            ValueError: it could not run any more, or nothing is changed.
            ImproperlyConfigured, OperationalError: as of `all`.
        """
        if not changes:
            raise ValueError(f"Nothing of {name} is to be changed; name what, as schedule=... or overlap=...")
        if changes.get("schedule") is not None:
            changes["schedule"] = _text(name, changes["schedule"])
        for key in ("args", "options", "kwargs"):
            if changes.get(key) is not None:
                changes[key] = list(changes[key]) if key == "args" else dict(changes[key])

        def make(roster: Roster, words: Words) -> Words:
            _sent(roster, name)
            base = roster.base(name)
            said = {**words.entry, **changes}
            self._check(name, {**(base if isinstance(base, Mapping) else {}), **said}, any_task=any_task)
            return msgspec.structs.replace(words, entry=said)

        told = ", ".join(key if key in _PRIVATE else f"{key} {value}" for key, value in changes.items())
        return self._changed(name, make, f"edited: {told}", by)

    def pause(self, name: str, until: Until = None, *, by: str | None = None) -> Listed:
        """Send an entry no more; its ticks are left out, and not made up for later.

        Args:
            name: of the entry.
            until: when it goes on by itself; a number is seconds from now, None: when it is resumed.
            by: as of `add`.

        Raises:
            NotFound: there is none of this name.
            ValueError: that moment is over.
            ImproperlyConfigured, OperationalError: as of `all`.
        """
        now = clock.wall()
        end = _unix(until, now)
        if end is not None and end <= now:
            raise ValueError(f"{name} cannot be paused until {until}, which is over; name a moment to come.")

        def make(roster: Roster, words: Words) -> Words:
            _sent(roster, name)
            return msgspec.structs.replace(words, pause=Pause(by or _whoever(), now, end))

        return self._changed(name, make, "paused" if end is None else f"paused until {_moment(end)}", by)

    def resume(self, name: str, *, by: str | None = None) -> Listed:
        """Send an entry again that was paused, from its next time on.

        Raises:
            NotFound: there is none of this name.
            ImproperlyConfigured, OperationalError: as of `all`.
        """

        def make(roster: Roster, words: Words) -> Words:
            _sent(roster, name)
            return msgspec.structs.replace(words, pause=None)

        return self._changed(name, make, "resumed", by)

    def remove(self, name: str, *, by: str | None = None) -> None:
        """Take an entry away: one that was added, with its history; one from code or file is not sent any more.

        Raises:
            NotFound: there is none of this name.
            ImproperlyConfigured, OperationalError: as of `all`.
        """

        def make(roster: Roster, _words: Words) -> Words | None:
            _found(roster, name)
            return Words(removed=True) if roster.base(name) is not None else None

        self._change(name, make, "removed", by)

    def reset(self, name: str, *, by: str | None = None) -> Listed:
        """Undo what was changed of an entry of the code or the file.

        Raises:
            NotFound: neither knows one of this name.
            ImproperlyConfigured, OperationalError: as of `all`.
        """

        def make(roster: Roster, _words: Words) -> None:
            if roster.base(name) is None:
                raise NotFound(f"The entry {name} is not from the code, so there is nothing to go back to; remove it.")

        return self._changed(name, make, "as the code has it again", by)

    def run(self, name: str, *, by: str | None = None) -> AsyncResult[Any]:
        """Send an entry's task now, beside its schedule: also when it is paused or overlaps.

        Raises:
            NotFound: there is none of this name.
            ValueError: it cannot run.
            ImproperlyConfigured, OperationalError: as of `all`.
        """
        with self._opened() as (roster, overrides):
            listed = _sent(roster, name)
            if listed.entry is None:
                raise ValueError(listed.wrong)
            task_id, now = new_id(), clock.wall()
            outbox = composed(self._app, listed.entry, task_id, now)
            self._app.publish(outbox.parcels, outbox.retry_policy)
            overrides.note(_said(name, f"run by hand: {task_id}", by))
        return self._app.AsyncResult(task_id)

    # how a change is made

    @contextmanager
    def _opened(self) -> Iterator[tuple[Roster, Overrides]]:
        with closing(self._app.overrides()) as overrides:
            yield Roster(self._app, overrides), overrides

    def _changed(self, name: str, make: Callable[[Roster, Words], Words | None], detail: str, by: str | None) -> Listed:
        roster = self._change(name, make, detail, by)
        return _found(roster, name)

    def _change(self, name: str, make: Callable[[Roster, Words], Words | None], detail: str, by: str | None) -> Roster:
        """Read, make, and write what was made unless somebody was faster; then again."""
        with self._opened() as (roster, overrides):
            for _ in range(_TRIES):
                override = roster.override(name)
                words = make(roster, Words.read(override))
                gone = words is None and roster.base(name) is None
                said = _said("" if gone else name, f"{name}: {detail}" if gone else detail, by)
                text = words.text() if words is not None and words != Words() else None
                if overrides.change(name, text, override.edition if override else 0, said, forget=gone):
                    roster.refresh()
                    return roster
                roster.refresh()
        raise OperationalError(f"The entry {name} is being changed by others all the time; nothing was changed.")

    def _check(self, name: str, given: Mapping[str, Any], *, any_task: bool) -> None:
        """Whether it can run: a message of it is built, and thrown away."""
        good, bad = read_entries({name: given}, self._app)
        if bad:
            raise ValueError(bad[name])
        entry = good[name]
        if any_task:
            return
        self._known(entry)
        try:
            composed(self._app, entry, new_id(), clock.wall())
        except Exception as error:  # what a signature, a model or a serializer says of the arguments
            raise ValueError(f"The entry {name} cannot run: {error}") from error

    def _known(self, entry: Entry) -> None:
        if entry.task not in self._app.tasks:
            self._app.import_modules()
        if entry.task not in self._app.tasks:
            hint = did_you_mean(entry.task, self._app.tasks)
            raise ValueError(
                f"The entry {entry.name} cannot run: there is no task {entry.task!r} here.{hint} For one that only "
                "workers know say any_task (--any-task)."
            )


def _found(roster: Roster, name: str) -> Listed:
    listed = roster.find(name)
    if listed is None:
        raise NotFound(f"There is no entry {name!r} in the schedule.{did_you_mean(name, roster.names())}")
    return listed


def _sent(roster: Roster, name: str) -> Listed:
    listed = _found(roster, name)
    if listed.source == "removed":
        raise ValueError(f"The entry {name} was removed; reset it first.")
    return listed


def _text(name: str, when: Any) -> str:
    try:
        return write_schedule(when)
    except (ValueError, TypeError, ParseException) as error:
        raise ValueError(f"The entry {name} cannot run: {error}") from error


def _unix(until: Until, now: float) -> float | None:
    if isinstance(until, datetime):
        return until.timestamp()
    if isinstance(until, timedelta):
        return now + until.total_seconds()
    return None if until is None else now + until


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")


def _said(entry: str, detail: str, by: str | None) -> Moment:
    return Moment(entry, 0, "changed", clock.wall(), detail[:300], by or _whoever(), 0)


def _whoever() -> str:
    """User and host; a container may have no name for its user."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = f"uid{os.getuid()}"
    return f"{user}@{platform.node()}"
