"""One scheduler, step by step, by clocks that are given to it; nothing here sleeps."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from .. import clock, ids
from ..coordinator import Candidate, Coordinator, Mark, Tick, What
from ..message import Parcel
from ..schedules import Entry
from .heap import Heap
from .judging import judge
from .office import LOOK, Office
from .sending import Sender
from .times import SECOND, due, fires, following, moment, shape, tick_id

logger = logging.getLogger("umbel.beat")

BATCH: Final = 200
"""Entries of one step."""

AGAIN: Final = SECOND
"""Microseconds after which a tick that waits for the end of a task is looked at again."""

ASIDE: Final = 60 * SECOND
"""Microseconds after which an entry that could not be reckoned is tried again."""

JUMP: Final = 2.0
"""Seconds by which the clock may differ from one step to the next before it is said."""

AHEAD: Final = 86_400 * SECOND
"""A mark so far in the future was made by a clock that was wrong: the entry begins anew."""


ASK: Final = 0.75
"""Seconds between two looks of the leader whether an entry was changed: it must act within a second."""

_BEFORE: Final = "it ran then under the scheduler before this one"


class Hands:
    """The clocks, those of `clock`; a test gives others."""

    def wall(self) -> float:
        """Unix time."""
        return clock.wall()

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps."""
        return clock.monotonic()


class Changes(Protocol):
    """What changes entries while they run."""

    def changed(self) -> Mapping[str, Entry | None]:
        """The entries that are not as they were when it was asked last; None for one that is gone.

        Raises:
            OperationalError: the store does not answer.
        """
        ...


class NoChanges:
    """Entries that stay as they are."""

    def changed(self) -> Mapping[str, Entry | None]:
        """None."""
        return {}


class Beat:
    """One of any number of schedulers of a scope.

    Args:
        coordinator: of the store.
        entries: what is to be sent, by name.
        sender: makes the messages.
        scope: name of the schedule; part of the ids of its tasks.
        node: name of this scheduler, for people.
        max_interval: most seconds of one sleep; 0: as long as it takes.
        hands: its clocks.
        since: unix times of last runs of which the store knows nothing, by name: of a scheduler before this one.
        changes: what is changed of the entries while it runs.

    Attributes:
        nonce: of its life.
    """

    def __init__(
        self, coordinator: Coordinator, entries: Mapping[str, Entry], sender: Sender, *, scope: str, node: str,
        max_interval: float = 0.0, hands: Hands | None = None, since: Mapping[str, float] | None = None,
        changes: Changes | None = None,
    ) -> None:  # fmt: skip
        self._coordinator = coordinator
        self._entries = dict(entries)
        self._shapes = {name: shape(entry) for name, entry in self._entries.items()}
        self._sender = sender
        self._scope = scope
        self._hands = hands or Hands()
        self._since = dict(since or {})
        self._changes = changes or NoChanges()
        self._ask = float("inf") if changes is None else ASK
        self._asked = 0.0
        self._longest = max_interval or float("inf")
        self.nonce = ids.nonce()
        candidate = Candidate(self.nonce, node, digest(self._entries))
        self._office = Office(coordinator, candidate, self._hands.monotonic, self._hands.wall)
        self._term = 0
        self._marks: dict[str, Mark] = {}
        self._heap = Heap()
        self._held: set[str] = set()
        self._ahead: float | None = None

    @property
    def leads(self) -> bool:
        """Whether it believes to lead; the store knows."""
        return bool(self._office.term)

    def step(self) -> float:
        """Do what there is to do.

        Returns:
            seconds until the next step is worth while.

        Raises:
            OperationalError: the store is away, or did not say what it did; the next step asks it.
        """
        self._look_at_the_clock()
        try:
            if not self._office.held():
                self._term = 0
                return min(LOOK, self._longest)
            if self._term != self._office.term:
                self._asked = self._hands.monotonic()
                self._adopt(self._changes.changed())
                self._begin()
            elif self._hands.monotonic() - self._asked >= self._ask:
                self._asked = self._hands.monotonic()
                self._change(self._changes.changed())
            self._fire()
        except BaseException:
            self._office.drop()
            self._term = 0
            raise
        return self._pause() if self._office.term else 0.0

    def resign(self) -> None:
        """The end: somebody else leads at once."""
        self._office.drop()
        self._coordinator.resign(self.nonce)

    # what there is to send

    def _now(self) -> int:
        return int(self._hands.wall() * SECOND)

    def _begin(self) -> None:
        """It leads: from here on the marks of the store are its own, because nobody else moves them."""
        self._marks = self._coordinator.look().marks
        self._heap, self._held = Heap(), set()
        if self._go_on_with(self._entries):
            self._term = self._office.term

    def _go_on_with(self, names: Iterable[str]) -> bool:
        """Give entries that are new, or are not what they were, their first mark, and plan them.

        Returns:
            whether this one leads.
        """
        now = self._now()
        known = [name for name in names if name in self._entries]
        ticks = [tick for name in known if (tick := self._beginning(name, now)) is not None]
        for at in range(0, len(ticks), BATCH):
            if not self._send(ticks[at : at + BATCH]):
                return False
        for name in known:
            self._plan(name, now)
        return True

    def _change(self, changed: Mapping[str, Entry | None]) -> None:
        """Go on with entries as they are now. One that comes back makes up for nothing: it was not wanted meanwhile."""
        back = {name for name, entry in changed.items() if entry is not None and name not in self._entries}
        self._adopt(changed)
        if back:
            self._marks, now = self._coordinator.look().marks, self._now()
            before = [name for name in back & self._marks.keys() if self._marks[name].nominal < now]
            if before and not self._send([self._tick(name, now, "began", "it was away") for name in before]):
                return
        self._go_on_with(changed)

    def _adopt(self, changed: Mapping[str, Entry | None]) -> None:
        """Take in entries that were changed."""
        for name, entry in changed.items():
            self._held.discard(name)
            if entry is None:
                self._entries.pop(name, None)
                self._heap.remove(name)
            else:
                self._entries[name], self._shapes[name] = entry, shape(entry)

    def _beginning(self, name: str, now: int) -> Tick | None:
        """The first mark of an entry, which goes on from now; None when it has one that is good."""
        mark, shape_now = self._marks.get(name), self._shapes[name]
        if mark is None:
            last = int(self._since.get(name, now / SECOND) * SECOND)
            return self._tick(name, min(last, now), "began", _BEFORE if last < now and name in self._since else "")
        if mark.nominal > now + AHEAD:
            logger.warning("%s ran last at %s, which is to come; it goes on from now", name, moment(mark.nominal))
            return self._tick(name, now, "began", f"its last run was in the future: {moment(mark.nominal)}")
        if mark.shape != shape_now and mark.nominal < now:
            return self._tick(name, now, "began", f"its schedule was {mark.shape}")
        return None

    def _plan(self, name: str, now: int) -> None:
        """Put an entry where it fires next."""
        try:
            nominal = following(self._entries[name], self._marks[name].nominal)
            if nominal is None:
                self._heap.remove(name)
            else:
                self._heap.put(name, fires(self._entries[name], nominal))
        except Exception as error:  # a schedule may be anybody's
            self._set_aside(name, now, error)

    def _set_aside(self, name: str, now: int, error: Exception) -> None:
        logger.error("The entry %s cannot be reckoned, the others go on: %s", name, error, exc_info=error)
        self._heap.put(name, now + ASIDE)

    def _fire(self) -> None:
        now = self._now()
        names = self._heap.due(now, BATCH)
        ticks = [tick for name in names for tick in self._ticks(name, now)]
        if ticks and not self._send(ticks):
            return
        for name in names:
            if name in self._held:
                self._heap.put(name, now + AGAIN)
            elif self._heap.at(name) is None:
                self._plan(name, now)

    def _ticks(self, name: str, now: int) -> list[Tick]:
        """What happens to one entry now."""
        entry, held = self._entries[name], name in self._held
        self._held.discard(name)
        try:
            nominals, count = due(entry, self._marks[name].nominal, now)
        except Exception as error:  # as above
            self._set_aside(name, now, error)
            return []
        if not nominals:
            return []
        if entry.pause is not None and entry.paused(self._hands.wall()):
            return [self._tick(name, nominals[-1], "skipped", f"paused by {entry.pause.by}")]
        verdict = judge(entry, nominals, count, now, held=held)
        ticks: list[Tick] = []
        before = self._marks[name].nominal
        if verdict.send and entry.policy.overlap != "allow" and (step := self._overlapping(entry, verdict.send[-1])):
            if step == "held":
                self._held.add(name)
                return []
            return [self._tick(name, nominals[-1], "skipped", step)]
        if verdict.dropped:
            detail = f"{verdict.dropped} left out: {verdict.why}"
            ticks.append(self._tick(name, verdict.upto, "skipped", detail))
            before = verdict.upto
        for nominal in verdict.send:
            ticks.append(self._sending(entry, before, nominal, now))
            before = nominal
        return ticks

    def _sending(self, entry: Entry, before: int, nominal: int, now: int) -> Tick:
        """The tick that is sent; when its message cannot be made, that is noted, and the next one has its chance."""
        late = (now - nominal) / SECOND
        try:
            parcels = tuple(self._sender.compose(entry, tick_id(self._scope, entry.name, nominal), nominal))
        except Exception as error:  # a task's own apply_async, a receiver of a signal, an argument that cannot travel
            logger.error("The entry %s could not be sent: %s", entry.name, error, exc_info=error)
            return self._tick(entry.name, nominal, "failed", f"{type(error).__name__}: {error}"[:200], before)
        logger.info("%s: sending %s, due at %s", entry.name, entry.task, moment(nominal))
        detail = f"{late:.1f} s late" if late >= 1 else ""
        return self._tick(entry.name, nominal, "sent", detail, before, parcels)

    def _overlapping(self, entry: Entry, nominal: int) -> str:
        """Why the one before keeps a tick from being sent: a sentence, "held" when it waits for it, "" for nothing."""
        last = self._marks[entry.name].sent
        if not last:
            return ""
        before = tick_id(self._scope, entry.name, last)
        try:
            doing = self._sender.doing(before)
            if doing and entry.policy.overlap == "cancel":
                logger.warning("%s: the task of %s still %s, it is revoked", entry.name, moment(last), doing)
                self._sender.cancel(before)
        except Exception as error:  # to know nothing is no reason to send nothing
            logger.warning("%s: nobody could say whether its last task still runs: %s", entry.name, error)
            return ""
        if not doing or entry.policy.overlap == "cancel":
            return ""
        if entry.policy.overlap == "queue":
            return "held"
        return f"the task of {moment(last):%Y-%m-%d %H:%M:%S} UTC still {doing} ({before})"

    def _tick(
        self, name: str, nominal: int, what: What, detail: str, before: int | None = None,
        parcels: tuple[Parcel, ...] = (),
    ) -> Tick:  # fmt: skip
        mark = self._marks.get(name)
        if before is None:
            before = mark.nominal if mark else 0
        return Tick(name, before, nominal, what, self._hands.wall(), detail, self._shapes[name], parcels)

    def _send(self, ticks: list[Tick]) -> bool:
        """One step of the store; False when this one does not lead any more."""
        if not self._coordinator.fire(self._office.term, ticks):
            logger.warning("A step of this scheduler was refused: another one leads, or an entry was removed meanwhile")
            self._office.drop()
            self._term = 0
            return False
        for tick in ticks:
            mark = self._marks.get(tick.entry)
            sent = tick.nominal if tick.what == "sent" else mark.sent if mark else 0
            self._marks[tick.entry] = Mark(tick.nominal, sent, tick.shape)
            if tick.parcels:
                self._sender.sent(tick.parcels)
        return True

    # clocks

    def _pause(self) -> float:
        first = self._heap.first()
        left = min(self._office.left(), max(0.0, self._asked + self._ask - self._hands.monotonic()))
        if first is not None:
            left = min(left, first / SECOND - self._hands.wall())
        return max(0.0, min(left, self._longest))

    def _look_at_the_clock(self) -> None:
        ahead = self._hands.wall() - self._hands.monotonic()
        before, self._ahead = self._ahead, ahead
        if before is None or abs(ahead - before) < JUMP:
            return
        logger.warning(
            "The clock was put by %+.1f s (or this machine slept); what was sent is not sent again, and what was "
            "missed is judged by catch_up", ahead - before,
        )  # fmt: skip
        self._term = 0  # the marks are read and compared with the new time


def digest(entries: Iterable[str]) -> str:
    """What tells two sets of entries apart.

    Example:
        >>> digest(["a", "b"]) == digest(["b", "a"])
        True
    """
    return hashlib.blake2b("\0".join(sorted(entries)).encode(), digest_size=6).hexdigest()
