"""SQLite stores that each break what processes share: openers for `umbel.testing.conformance.shared`.

They are not in the list of `stores`: another process opens them by name. The tables say which check each must fail.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from ... import clock
from ...adapters.sqlite import rows
from ...adapters.sqlite.address import parsed
from ...adapters.sqlite.backend import SqliteBackend, SqliteWatch
from ...adapters.sqlite.broker import SqliteBroker
from ...adapters.sqlite.consumer import SqliteConsumer
from ...adapters.sqlite.owners import SqliteOwners
from ...adapters.sqlite.publisher import SqlitePublisher
from ...broker import Death, Owner, Turn, Want
from ...message import Parcel
from ...outcome import Outcome

BROKER_CHECKS = {
    "private": "test_what_one_process_publishes_another_claims",
    "repeating": "test_processes_at_once_share_no_message",
    "blind": "test_a_killed_process_has_lost_its_work",
    "impatient": "test_a_stopped_process_keeps_its_work",
    "lenient": "test_a_process_that_was_given_up_settles_nothing",
    "piecemeal": "test_a_process_killed_while_it_publishes_leaves_whole_calls",
    "quiet": "test_a_sleeping_process_is_woken",
    "spanning": "test_a_computing_process_stops_nobody",
}
BACKEND_CHECKS = {"deaf": "test_a_result_wakes_a_reader_in_another_process"}


class _Broker(SqliteBroker):
    """SQLite with some parts replaced."""

    __slots__ = ("_parts", "url")

    def __init__(self, url: str, **parts: Any) -> None:
        super().__init__(parsed(url, {}))
        self.url = url
        self._parts = parts

    def publisher(self) -> SqlitePublisher:
        publisher: SqlitePublisher = self._parts.get("publisher", SqlitePublisher)(self._address)
        return publisher

    def consumer(self, owner: Owner) -> SqliteConsumer:
        consumer: SqliteConsumer = self._parts.get("consumer", SqliteConsumer)(self._address, owner)
        return consumer

    def owners(self) -> SqliteOwners:
        owners: SqliteOwners = self._parts.get("owners", SqliteOwners)(self._address)
        return owners


class _Private(SqlitePublisher):
    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        if [parcel.id for parcel in parcels] != ["b"]:
            super().publish(parcels, deadline=deadline, limits=limits)


def private(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Does not show to others what a process publishes second."""
    return _Broker(url, publisher=_Private)


class _Repeating(SqliteConsumer):
    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        turn = super().turn(outcomes, want)
        if len(turn.deliveries) == 5 and turn.deliveries[0].body.endswith(b"0"):
            first = turn.deliveries[0]
            publisher = SqlitePublisher(self._address)
            publisher.publish([Parcel("q", "again", "suite.task", first.head, first.body + b" again")])
            publisher.close()
        return turn


def repeating(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Leaves a copy of some messages behind when it claims them."""
    return _Broker(url, consumer=_Repeating)


class _Blind(SqliteOwners):
    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        return sum(super(_Blind, self).rescue([death]) for death in deaths)


def blind(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Waits for a report of a death and never looks."""
    return _Broker(url, owners=_Blind)


class _Impatient(SqliteOwners):
    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        stopped = [Death(owner.nonce, (), "stopped") for owner in self.roll() if _is_stopped(owner.pid)]
        return super().rescue([*deaths, *(death for death in stopped if not deaths)])


def _is_stopped(pid: int) -> bool:
    return ") T " in Path(f"/proc/{pid}/stat").read_text()


def impatient(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Takes a stopped process for a dead one."""
    return _Broker(url, owners=_Impatient)


class _Lenient(SqliteConsumer):
    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        turn = super().turn(outcomes, want)
        return Turn(turn.deliveries, [], False, turn.revision, turn.next_due)


def lenient(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Does not tell a process that it was given up."""
    return _Broker(url, consumer=_Lenient)


class _Piecemeal(SqlitePublisher):
    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        for parcel in parcels:
            super().publish([parcel], deadline=deadline, limits=limits)
            if parcel.queue == "flood":
                time.sleep(0.01)


def piecemeal(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Publishes the parcels of a call one by one."""
    return _Broker(url, publisher=_Piecemeal)


class _Bell:
    def ring(self, queue: str) -> None:
        """Not for others."""

    def close(self) -> None:
        """Nothing to close."""


class _Quiet(SqlitePublisher):
    def __init__(self, address: Any) -> None:
        super().__init__(address)
        self._ringer = _Bell()  # type: ignore[assignment]


def quiet(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Wakes nobody."""
    return _Broker(url, publisher=_Quiet)


class _Spanning(SqlitePublisher):
    def __init__(self, address: Any) -> None:
        super().__init__(address)
        self._path: str = address.path

    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        if len(parcels) == 1:
            super().publish(parcels, deadline=deadline, limits=limits)
            return
        connection = apsw.Connection(self._path)
        connection.set_busy_timeout(5000)
        connection.execute("BEGIN IMMEDIATE")
        for parcel in parcels:
            connection.execute(*rows.publish([parcel], clock.wall(), None))
        connection.execute("COMMIT")
        connection.close()


def spanning(url: str, options: dict[str, Any]) -> SqliteBroker:
    """Holds the file's lock over many calls into Python."""
    return _Broker(url, publisher=_Spanning)


class _DeafWatch(SqliteWatch):
    def add(self, ids: Iterable[str]) -> None:
        """Listens to nobody."""


class _Deaf(SqliteBackend):
    def watch(self) -> SqliteWatch:
        return _DeafWatch(self._address, self._link)


def deaf(url: str, options: dict[str, Any]) -> SqliteBackend:
    """Does not wake who waits for a result."""
    return _Deaf(parsed(url, options))
