"""Once: messages that say that they run once (`message.ONCE_HEADER`) are claimed beside the results before they run.

    a batch --claim, one call--> mine     it runs
                                 again    somebody had it who died or gave it back: `again` looks for its result first
                                 held     it runs elsewhere: it waits, and is asked for again
                                 ended    it ran: it is dropped

    its end --> nothing follows it    the claim ends before the message is acknowledged: what comes again is dropped
            \\-> something does        it ends behind that: what comes again finds the result, and sends what follows

What waits is not dropped before the first one has ended, because its owner may die. While a child holds claims its
keeper says that it lives; for one whose interpreter is held by a task its supervisor does (`sponsor`).
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from .. import clock, states
from ..broker import Owner, Turn
from ..claims import HELD, Answer, Claim, Claims, End, name_of
from ..exceptions import UmbelError
from ..message import ONCE_HEADER, Delivery
from ..outcome import Bury, Done, Hold, Outcome, Park, Release, Retry
from ..withdraw import kept_for
from .page import CLAIMS

if TYPE_CHECKING:
    from ..app import Umbel
    from .page import Row

logger = logging.getLogger("umbel.worker")

BEAT: Final = 1.5
"""Seconds between two words of a child that holds claims."""

LEAST: Final = 86_400.0
"""Seconds for which an end is remembered, however short results are kept."""

WAITS: Final = (1.0, 5.0)
"""Seconds, at least and at most, after which a message is asked for again whose task runs elsewhere."""

UNASKED: Final = 2.0
"""The same where the store did not say, and for ends that could not be said."""

UNKEPT: Final = (
    "Some messages say that they run once, and nobody can keep that: set result_backend to Redis or SQLite, or two "
    "messages of one id may run beside each other"
)

Key = tuple[int, int]
"""Tag and claim number of a delivery."""

_MARK: Final = b'"%b":' % ONCE_HEADER.encode()


class _Headers(msgspec.Struct, gc=False):
    id: str
    retries: int = 0
    replaced_task_nesting: int = 0
    once: bool | int = msgspec.field(name=ONCE_HEADER, default=False)


class _Head(msgspec.Struct, gc=False):
    headers: _Headers


_head = msgspec.json.Decoder(_Head).decode


class Book:
    """The claims of one child. Loop and keeper share it: each of its changes is one operation.

    Args:
        row: this child's row of the shared page.

    Attributes:
        held: by delivery.
        again: those of them that somebody had before.
        owed: ends that the store has not heard of.
    """

    def __init__(self, row: Row) -> None:
        self.row = row
        self.held: dict[Key, Claim] = {}
        self.again: set[Key] = set()
        self.owed: deque[tuple[Claim, End]] = deque()

    def answer(self, delivery: Delivery) -> Answer | None:
        """How it was claimed: "mine" or "again", None when it was not."""
        key = delivery.tag, delivery.claim
        return ("again" if key in self.again else "mine") if key in self.held else None

    def drop(self, delivery: Delivery) -> Claim | None:
        """It is not held any more."""
        self.again.discard((delivery.tag, delivery.claim))
        return self.held.pop((delivery.tag, delivery.claim), None)

    def count(self) -> None:
        """Tell the page."""
        self.row.put(CLAIMS, len(self.held) + len(self.owed))


class Once:
    """The way of one thread to the claims of its child.

    Args:
        app: the application.
        owner: whose claims they are.
        book: of the child.

    Attributes:
        asks: whether it looks at messages at all: not where one step stores a result and removes its message.
        counted: the deliveries that the last call of `holds` found to count although they are held no more.
    """

    def __init__(self, app: Umbel, owner: Owner, book: Book) -> None:
        self._app = app
        self._nonce = owner.nonce
        self._book = book
        self._claims: Claims | None = None
        self._not_before = 0.0
        self.counted: set[Key] = set()
        self._kept = max(kept_for(app.conf, states.SUCCESS) or HELD, LEAST)
        self.asks = not app.settles_results

    def admit(self, deliveries: list[Delivery]) -> tuple[list[Delivery], list[Outcome]]:
        """Claim what runs once; returns what is to run, and the outcomes of the others."""
        if not any(_MARK in delivery.head for delivery in deliveries):
            return deliveries, []
        asked = {at: claim for at, each in enumerate(deliveries) if (claim := _claim_of(each)) is not None}
        claims = self._opened() if asked else None
        if claims is None:
            return deliveries, []
        book = self._book
        for at, claim in asked.items():  # first: whatever becomes of the question, each of them is settled
            book.held[deliveries[at].tag, deliveries[at].claim] = claim
        book.count()
        book.row.vouched = clock.monotonic()
        try:
            answers: list[Answer | None] = [*claims.claim(self._nonce, list(asked.values()))]
        except UmbelError as error:
            logger.warning("Whether %d task(s) run elsewhere cannot be asked, they wait: %s", len(asked), error)
            answers = [None] * len(asked)
        outcomes = {at: self._judged(deliveries[at], answer) for at, answer in zip(asked, answers, strict=True)}
        book.count()
        run = [each for at, each in enumerate(deliveries) if outcomes.get(at) is None]
        return run, [outcome for outcome in outcomes.values() if outcome is not None]

    def holds(self, outcomes: Sequence[Outcome], held: list[bool]) -> list[bool]:
        """Of outcomes whose message is not held any more, those count whose claim is still this owner's: whoever got
        the message waits for them.
        """
        lost = [at for at, ours in enumerate(held) if not ours and self._book.answer(outcomes[at].delivery)]
        claims = self._opened() if lost else None
        if claims is None:
            return held
        names = [self._book.held[outcomes[at].delivery.tag, outcomes[at].delivery.claim].name for at in lost]
        mine = {at for at, state in zip(lost, claims.look(names, self._nonce), strict=True) if state == "held"}
        for at in mine:
            logger.info(
                "The message of task %s is another's by now; its outcome counts, by its claim", names[lost.index(at)]
            )
        self.counted = {(outcomes[at].delivery.tag, outcomes[at].delivery.claim) for at in mine}
        return [ours or at in mine for at, ours in enumerate(held)]

    def conclude(self, outcomes: Sequence[Outcome]) -> None:
        """End the claims of what nothing follows; before the messages are acknowledged."""
        if not self._book.held:
            return
        ends: list[tuple[Claim, End]] = []
        for outcome in outcomes:
            claim = self._book.held.get((outcome.delivery.tag, outcome.delivery.claim))
            if claim is not None and not _goes_on(outcome):
                ends.append((claim, "ended"))
        if ends:
            self._settle(ends)
            for outcome in outcomes:
                if not _goes_on(outcome):
                    self._book.drop(outcome.delivery)
            self._book.count()

    def settled(self, outcomes: Sequence[Outcome], turn: Turn) -> None:
        """End the other claims; behind that."""
        book = self._book
        if book.held:
            fenced = {(each.delivery.tag, each.delivery.claim) for each in turn.fenced}
            waiting = {(each.delivery.tag, each.delivery.claim) for each in turn.waiting}
            for outcome in outcomes:
                key = outcome.delivery.tag, outcome.delivery.claim
                if key in waiting or isinstance(outcome, Hold):
                    continue
                claim = book.drop(outcome.delivery)
                if claim is not None:
                    book.owed.append((claim, "loose" if key in fenced else _end(outcome)))
        if book.owed and clock.monotonic() >= self._not_before:
            self._pay()

    def vouch(self, now: float) -> None:
        """Say that this child lives, while it holds claims."""
        if not self._book.held or now - self._book.row.vouched < BEAT:
            return
        claims = self._opened()
        if claims is not None:
            self._book.row.vouched = now
            try:
                claims.vouch([self._nonce])
            except UmbelError as error:
                logger.debug("That this child lives was not heard: %s", error)

    def close(self) -> None:
        """Give the connection back, if there is one."""
        if self._claims is not None:
            self._claims.close()

    def _opened(self) -> Claims | None:
        """This thread's part of the store; None, and nothing is asked any more, where it has none."""
        if self._claims is None and self.asks:
            self._claims = self._app.claims()
            self.asks = self._claims is not None
            if not self.asks:
                logger.warning(UNKEPT)
        return self._claims

    def _judged(self, delivery: Delivery, answer: Answer | None) -> Outcome | None:
        """What becomes of a message without running; None: it runs."""
        if answer == "mine":
            return None
        if answer == "again":
            self._book.again.add((delivery.tag, delivery.claim))
            return None
        now = clock.wall()
        if answer is None:
            return Park(delivery, due=now + UNASKED)
        claim = self._book.drop(delivery)
        name = claim.name if claim is not None else ""
        if answer == "ended":
            logger.info("Task %s has ended: a second message of it is dropped", name)
            return Done(delivery)
        waited = now - delivery.parked if delivery.parked else 0.0
        if not waited:
            logger.info("Task %s runs elsewhere: a second message of it waits for its end", name)
        return Park(delivery, due=now + min(max(waited / 4, WAITS[0]), WAITS[1]))

    def _settle(self, ends: Sequence[tuple[Claim, End]]) -> None:
        claims = self._opened()
        if claims is not None:
            claims.settle(self._nonce, ends, self._kept)

    def _pay(self) -> None:
        """Say the ends that are owed; later, when the store is away: until then they are held."""
        book, ends = self._book, list[tuple[Claim, End]]()
        with contextlib.suppress(IndexError):  # the other thread may take them too
            while True:
                ends.append(book.owed.popleft())
        try:
            self._settle(ends)
        except UmbelError as error:
            book.owed.extend(ends)
            self._not_before = clock.monotonic() + UNASKED
            logger.warning("The end of %d task(s) that run once could not be said yet: %s", len(ends), error)
        book.count()


def _claim_of(delivery: Delivery) -> Claim | None:
    if _MARK not in delivery.head:
        return None
    try:
        headers = _head(delivery.head).headers
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the runner says what is wrong with it
        return None
    if not headers.once:
        return None
    name = name_of(headers.id, headers.retries, headers.replaced_task_nesting)
    return Claim(name, f"{delivery.tag:x}.{delivery.claim}")


def _goes_on(outcome: Outcome) -> bool:
    """Whether it is not the end of its task, or something is sent with it."""
    unfinished = isinstance(outcome, Release | Park | Bury | Hold | Retry)
    return unfinished or bool(outcome.parcels or outcome.members)


def _end(outcome: Outcome) -> End:
    match outcome:
        case Release() | Park():
            return "loose"
        case Bury():
            return "gone"
        case Retry():
            return "passed"
        case _:
            return "ended"
