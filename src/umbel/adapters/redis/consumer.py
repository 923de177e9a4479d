"""One owner's way into the store: settle what is finished, claim what is next, wait for work."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ... import clock, ids
from ...broker import Owner, Turn, Want
from ...exceptions import OperationalError
from ...message import Delivery
from ...outcome import Bury, Hold, Outcome, Park, Release
from ...record import Record
from .backend import read_closely, words
from .batches import Batches, Front
from .ear import Ear
from .envelope import claimed, tag_of
from .faults import Unanswered
from .joins import with_members
from .keys import Keys
from .layout import Layout
from .link import Link
from .publisher import grouped
from .wire import Word

BYTES: Final = 16 << 20
"""Bytes of messages after which a claim stops; a single message may be bigger."""

TRUST: Final = 45.0
"""Seconds for which the ear is believed that nothing has changed: it hears every change, but not its own end."""

MOST_LOST: Final = 100
"""Turns without an answer that are remembered; what an older one claimed is given back when its owner ends."""

_KINDS: Final = {Release: b"R", Park: b"P", Bury: b"B", Hold: b"H"}
_facts = msgspec.msgpack.Decoder(dict[str, Any]).decode


class RedisConsumer:
    """See `umbel.broker.Consumer`.

    A turn whose answer is lost may have claimed messages that nobody knows of. The next turn names it, and the store
    gives them back first; outcomes that it has settled are not called fenced when they are sent again.
    """

    def __init__(self, link: Link, ear: Ear, layout: Layout, owner: Owner) -> None:
        self._link = link
        self._ear = ear
        self._layout = layout
        self._nonce = owner.nonce
        self._keys = Keys(layout.prefix)
        self._early: dict[int, float] = {}
        self._names = itertools.count(ids.nonce())
        self._name = ""
        self._lost: list[str] = []
        self._doubtful: set[tuple[int, int]] = set()
        self._batches = Batches()
        self._armed: tuple[str, ...] = ()
        self._read_at = self._next_due = 0.0

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        """Settle, then claim: one script. A claimed message whose time has not come is put with the delayed ones."""
        found = self._turn(outcomes, want)
        named = [self._name]
        while want is not None and found.deliveries:
            now = clock.wall()
            early = [due for delivery in found.deliveries if (due := self._early.get(delivery.tag, 0.0)) > now]
            if not early:
                break
            parked = [
                Park(delivery, due=self._early[delivery.tag])
                for delivery in found.deliveries
                if self._early.get(delivery.tag, 0.0) > now
            ]
            rest = [delivery for delivery in found.deliveries if self._early.get(delivery.tag, 0.0) <= now]
            try:
                again = self._turn(parked, None if rest else want)
            except OperationalError:  # the caller hears of none of these steps
                self._forget(named, outcomes)
                raise
            named.append(self._name)
            found = Turn(
                rest or again.deliveries, found.fenced, again.refused, again.revision,
                min(filter(None, (found.next_due, *early)), default=0.0),
            )  # fmt: skip
        return found

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Which of these are still held under their claim number."""
        asked: list[Word] = [self._nonce]
        for outcome in outcomes:
            asked += (outcome.delivery.claim, tag_ref(outcome.delivery.tag))
        held = self._link.script("check", (self._layout.prefix,), asked, idempotent=True)
        return [bool(each) for each in held]

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        """Sleep until work may be there, ``wake`` is readable, or ``timeout`` seconds passed."""
        now = clock.monotonic()
        if self._armed == tuple(queues) and now - self._read_at < TRUST and self._ear.quiet():  # as when it was read
            self._sleep(timeout, wake)
            return
        self._armed = ()
        layout = self._layout
        lines = [layout.line(queue, step) for queue in queues for step in layout.steps]
        ready = ("EXISTS", *map(layout.key, lines), *(layout.own(f"first:{layout.key(line)}") for line in lines))
        delayed = [("ZRANGE", layout.own(f"delayed:{queue}"), 0, 0, "WITHSCORES") for queue in queues]
        found, *due = self._ear.read(ready, *delayed)
        if found:
            return
        self._next_due = min((float(head[0][1]) for head in due if head), default=0.0)
        self._armed, self._read_at = tuple(queues), now
        self._sleep(timeout, wake)

    def _sleep(self, timeout: float, wake: int) -> None:
        if self._next_due:
            timeout = min(timeout, max(0.0, self._next_due - clock.wall()))
        self._ear.sleep(timeout, wake)

    def close(self) -> None:
        """What is still held stays held by the owner."""
        self._link.close()
        self._ear.close()

    def _turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        now = clock.wall()
        fronts, singles = self._batches.sorted(outcomes, now, lambda outcome: self._left(outcome, now))
        name, reply, batch = self._said(outcomes, fronts, singles, want, now)
        refused, revision, next_due, fenced, claim, index, items, strange, size, retold, waiting = reply
        deliveries: list[Delivery] = []
        if want is not None and (size or items):
            queue = want.queues[index]
            self._early = {}
            if size:
                deliveries = self._batch(batch, int(claim), queue)
            else:
                deliveries = self._deliveries(items, strange, int(claim), queue)
        numbers = [singles[number] for number in fenced]
        again = [number for front, done in retold for number in fronts[front].numbers[done:]]
        if again or waiting:
            try:
                numbers += self._told_again(outcomes, again, [singles[number] for number in waiting], now)
            except OperationalError:  # the caller will not learn what was claimed
                self._forget([name], outcomes)
                raise
        self._name = name
        found = Turn(deliveries, self._fenced(outcomes, numbers), bool(refused), int(revision), float(next_due))
        if len(batch) != size:  # somebody made a hash of it meanwhile
            self._lost.append(name)
            found.deliveries = []
        return found

    def _told_again(self, outcomes: Sequence[Outcome], again: list[int], waiting: list[int], now: float) -> list[int]:
        """Tell outcomes one by one, `waiting` when what is stored for their tasks was read; returns the fenced."""
        numbers: list[int] = []
        while again or waiting:
            records = [outcomes[number].record for number in waiting]
            read_closely(self._link, self._keys, [record.id for record in records if record is not None])
            again += waiting
            reply = self._said(outcomes, [], again, None, now)[1]
            numbers += [again[number] for number in reply[3]]
            again, waiting = [], [again[number] for number in reply[10]]
        return numbers

    def _said(
        self, outcomes: Sequence[Outcome], fronts: list[Front], singles: list[int], want: Want | None, now: float
    ) -> tuple[str, list[Any], list[bytes]]:
        """Run the script; its name, its reply, and what is in the batch that it made."""
        name = f"{next(self._names):x}"
        said: list[Word] = [self._layout.separator, self._nonce, now, name, len(self._lost), *self._lost]
        said += (*self._keys.pair(""), len(fronts))
        for front in fronts:
            said += front.words()
        said.append(len(singles))
        for number in singles:
            said += self._outcome(outcomes[number], now)
        if want is None:
            said += (0, 0)
        else:
            said += (want.limit, BYTES, *self._layout.numbered_steps(), len(want.queues), *want.queues)
        batch = ("LRANGE", self._layout.own(f"batch:{self._nonce}:{name}"), 0, -1)
        try:
            reply = self._link.script("turn", (self._layout.prefix,), said, then=batch if want else ())
        except Unanswered:
            self._forget([name], outcomes)
            raise
        return (name, reply[:-1], reply[-1]) if want else (name, reply, [])

    def _forget(self, names: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        """What came of these turns is unknown to the caller: the next one gives back what they have claimed."""
        self._lost = [*self._lost, *names][-MOST_LOST:]
        self._doubtful.update((outcome.delivery.tag, outcome.delivery.claim) for outcome in outcomes)

    def _fenced(self, outcomes: Sequence[Outcome], numbers: list[int]) -> list[Outcome]:
        """The dropped ones, without those that a turn whose answer was lost has settled."""
        fenced = [outcomes[number] for number in sorted(numbers)]
        if self._doubtful:
            fenced = [each for each in fenced if (each.delivery.tag, each.delivery.claim) not in self._doubtful]
            self._doubtful.clear()
        self._lost = []
        return fenced

    def _outcome(self, outcome: Outcome, now: float) -> Iterable[Word]:
        """One outcome as turn.lua takes it."""
        delivery = outcome.delivery
        said: list[Word] = [_KINDS.get(type(outcome), b"D"), delivery.claim, tag_ref(delivery.tag)]
        if isinstance(outcome, Park):
            said.append(outcome.due)
        elif isinstance(outcome, Bury):
            said += (outcome.reason, outcome.detail)
        said += self._left(outcome, now)
        return said

    def _left(self, outcome: Outcome, now: float) -> list[Word]:
        """What an outcome leaves behind."""
        parcels: Sequence[Word] = grouped(outcome.parcels, self._layout, now) if outcome.parcels else (0,)
        if outcome.members:
            parcels = with_members(parcels, outcome, self._layout, now)
        return [*recorded(outcome.record, self._keys), *parcels]

    def _batch(self, items: list[bytes], claim: int, queue: str) -> list[Delivery]:
        """Messages of which nothing is known; the store has not looked at them."""
        tags = [tag_of(item) for item in items]
        if len(set(tags)) == len(tags):
            self._batches.claimed(claim, tags)
        else:  # the same bytes twice: named by their places, as the store does when it makes a hash of the batch
            tags = _distinct(tags, items, claim)
        deliveries = []
        for tag, item in zip(tags, items, strict=True):
            head, body, priority, eta = claimed(item)
            deliveries.append(Delivery(tag, claim, queue, head, body, priority))
            if eta:
                self._early[tag] = eta
        return deliveries

    def _deliveries(
        self, items: list[bytes], strange: list[tuple[int, bytes, bytes]], claim: int, queue: str
    ) -> list[Delivery]:
        special = {number: (ref, facts) for number, ref, facts in strange}
        deliveries = []
        for number, item in enumerate(items):
            head, body, priority, eta = claimed(item)
            ref, packed = special.get(number, (None, b""))
            tag = int(ref, 16) if ref else tag_of(item)
            delivery = Delivery(tag, claim, queue, head, body, priority)
            if packed:
                _tell(delivery, _facts(packed))
            if eta:
                self._early[tag] = eta
            deliveries.append(delivery)
        return deliveries


def _tell(delivery: Delivery, facts: dict[str, Any]) -> None:
    """What the store knows about a message's past."""
    delivery.deaths = int(facts.get("d", 0))
    delivery.alone = bool(facts.get("a"))
    delivery.verdict = facts.get("v", "")
    delivery.redelivered = bool(facts.get("r"))
    delivery.parked = float(facts.get("k", 0.0))


def _distinct(tags: list[int], items: list[bytes], claim: int) -> list[int]:
    found: list[int] = []
    seen: set[int] = set()
    for place, (tag, item) in enumerate(zip(tags, items, strict=True)):
        value = b"%d|%b" % (claim + place, item)
        found.append(int(hashlib.sha1(value, usedforsecurity=False).hexdigest()[-15:], 16) if tag in seen else tag)
        seen.add(tag)
    return found


def tag_ref(tag: int) -> str:
    """The ref of a tag."""
    return f"{tag:015x}"


def recorded(record: Record | None, keys: Keys) -> Sequence[Word]:
    """A record as scripts take it."""
    return (b"",) if record is None else (*keys.pair(record.id), *words(record))
