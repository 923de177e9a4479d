"""The ledger: what every worker of a virtual host must agree on, in the order of one stream (`umbel.revoked`).

AMQP has queues and nothing beside them, so what other stores keep in tables is written here as entries that everybody
reads from the first one, before the first message is claimed:

    Revoked   a task that must not start                        an entry's offset in the stream is its revision
    Died      a supervisor saw a child die, and knows what it was running
    Held      a task is about to start under early acknowledgement; Freed: it did not start after all
    Kept      an owner that lives still works on messages whose delivery it has lost; good for `LEASE` seconds
    Settled   such a message has come to its end: whoever gets its copy drops it
    Taken     somebody takes a message that was lost once; what stands before it in the stream decides whether he may
    Spared    an owner that lives has lost such messages with its connection: nobody died of them

This module is the memory of it, without any input or output.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from ...broker import Death, Revocation

LEASE: Final = 20.0
"""Seconds for which the word of an owner that it works on a message counts."""

MOST: Final = 50_000
"""Messages of which something is remembered, of each kind; the oldest are forgotten."""


class Revoked(msgspec.Struct, frozen=True, tag="revoked"):
    """See `umbel.broker.Revocation`."""

    entries: list[Revocation]


class Died(msgspec.Struct, frozen=True, tag="died"):
    """See `umbel.broker.Death`."""

    death: Death


class Held(msgspec.Struct, frozen=True, tag="held"):
    tag: int


class Freed(msgspec.Struct, frozen=True, tag="freed"):
    tag: int


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    owner: int
    tags: list[int]


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    owner: int
    tags: list[int]


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    owner: int
    tag: int
    lost: int = 0


class Spared(msgspec.Struct, frozen=True, tag="spared"):
    owner: int
    tags: list[int]


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """Says nothing: it is read back by whoever wants to know that he has read everything before it."""


Entry = Revoked | Died | Held | Freed | Kept | Settled | Taken | Spared | Begun


class Past(msgspec.Struct, frozen=True):
    """What is to be thought of a message that was lost."""

    deaths: int
    alone: bool
    verdict: str


INNOCENT: Final = Past(0, False, "")

UNREPORTED: Final = "the worker's process died and nobody saw how"

Value = TypeVar("Value")


class Ledger:
    """Everything read so far.

    Attributes:
        revision: number of the newest revocation, 0 when there is none.
        dead: owners that a supervisor has reported.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.dead: set[int] = set()
        self._revocations: list[Revocation] = []
        self._deaths: OrderedDict[int, list[Death]] = OrderedDict()
        self._held: OrderedDict[int, bool] = OrderedDict()
        self._kept: OrderedDict[int, tuple[int, float]] = OrderedDict()
        self._settled: OrderedDict[int, int] = OrderedDict()
        self._takes: OrderedDict[int, dict[int, tuple[int, bool]]] = OrderedDict()

    def learn(self, entry: Entry, offset: int, now: float) -> None:
        """Take over one entry.

        Args:
            entry: as read.
            offset: its place in the stream, from 0.
            now: monotonic time at which it was read.
        """
        match entry:
            case Revoked():
                self._revoke(entry.entries, offset)
            case Died():
                self._bury(entry.death)
            case Held():
                self._note(self._held, entry.tag, True)
            case Freed():
                self._held.pop(entry.tag, None)
            case Kept():
                for tag in entry.tags:
                    self._note(self._kept, tag, (entry.owner, now))
            case Settled():
                for tag in entry.tags:
                    self._kept.pop(tag, None)
                    self._note(self._settled, tag, entry.owner)
            case Taken():
                if self.keeper(entry.tag, now) in (0, entry.owner):
                    others = {lost: each for lost, each in self._takes.get(entry.tag, {}).items() if lost != entry.lost}
                    self._note(self._takes, entry.tag, {**others, entry.lost: (entry.owner, False)})
            case Spared():
                self._spare(entry)
            case _:
                pass

    def revoked(self, since: int, now: float) -> list[Revocation]:
        """Entries after a revision that have not expired at unix time ``now``."""
        alive = [each for each in self._revocations if not each.expires or each.expires > now]
        return [each for each in alive if each.revision > since]

    def forget(self, now: float) -> int:
        """Drop what has expired at unix time ``now``; returns how much that was."""
        before = len(self._revocations)
        self._revocations = self.revoked(0, now)
        return before - len(self._revocations)

    def settled(self, tag: int) -> bool:
        """Whether its work was done by an owner that had lost its delivery."""
        return tag in self._settled

    def keeper(self, tag: int, now: float) -> int:
        """The owner that still works on a message, 0 for nobody, at a monotonic moment."""
        owner, said = self._kept.get(tag, (0, 0.0))
        return owner if owner and now - said < LEASE and owner not in self.dead else 0

    def taker(self, tag: int) -> int:
        """The owner that took a lost message last, 0 when nobody has."""
        takes = self._takes.get(tag)
        return next(reversed(takes.values()))[0] if takes else 0

    def deaths(self, tag: int) -> int:
        """How many deaths of who ran it, or was to be ended with it, were reported."""
        return len(self._deaths.get(tag, ()))

    def past(self, tag: int, lost: int, limit: int) -> Past:
        """What a message has behind it that was lost so many times.

        A reported death counts when it says so. Whatever else was lost is a suspect, which is claimed alone: most of it
        never ran, since a server that crashes loses whole queues. When whoever took it alone loses it again, that
        counts, unless he lives or his own death was seen.

        Example:
            >>> ledger = Ledger()
            >>> for lost in (1, 2, 3): ledger.learn(Taken(100 + lost, 7, lost), lost, 0.0)
            >>> [ledger.past(7, lost, 3).deaths for lost in (1, 2, 3, 4)], Ledger().past(7, 4, 3).deaths
            ([0, 1, 2, 3], 0)
        """
        reports = self._deaths.get(tag, [])[-lost:] if lost else []
        counted = sum(1 for death in reports if death.counts and tag in death.started)
        takes = self._takes.get(tag, {}).items()
        unseen = [at for at, (owner, spared) in takes if 0 < at < lost and not spared and owner not in self.dead]
        deaths = counted + len(unseen)
        cause = reports[-1].cause if reports else UNREPORTED
        verdict = next((death.verdicts[tag] for death in reversed(reports) if tag in death.verdicts), "")
        if not verdict and ((lost and tag in self._held) or deaths >= limit):
            verdict = f"WorkerLostError:{cause}"
        return Past(deaths, lost > len(reports), verdict)

    def _bury(self, death: Death) -> None:
        if death.owner in self.dead:
            return  # written twice, since the answer to the first one was lost
        self.dead.add(death.owner)
        for tag in {*death.started, *death.verdicts}:
            self._note(self._deaths, tag, [*self._deaths.get(tag, ()), death])

    def _spare(self, entry: Spared) -> None:
        for tag in entry.tags:
            takes = self._takes.get(tag)
            if takes:
                found = {at: (owner, spared or owner == entry.owner) for at, (owner, spared) in takes.items()}
                self._note(self._takes, tag, found)

    def _revoke(self, entries: Sequence[Revocation], offset: int) -> None:
        for position, each in enumerate(entries):
            self.revision = (offset + 1) * 1000 + position
            self._revocations.append(msgspec.structs.replace(each, revision=self.revision))

    @staticmethod
    def _note(notes: OrderedDict[int, Value], tag: int, value: Value) -> None:
        notes[tag] = value
        notes.move_to_end(tag)
        if len(notes) > MOST:
            notes.popitem(last=False)


encoded = msgspec.json.Encoder().encode
decoded = msgspec.json.Decoder(Entry).decode
"""One entry as it stands in the stream, and back."""
