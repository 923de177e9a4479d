"""Stores that break revocations and broadcasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.control import Found, MemoryControl
from ...adapters.memory.notices import Notices as MemoryNotices
from ...broker import Broadcast, Leave, Revocation, Turn, Want
from ...outcome import Outcome
from ...record import Record
from .base import Broken


class RevokeOne(Broken, breaks="test_revoke_removes_what_is_ready"):
    """Removes one message of a task that has several."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            ids = {revocation.id for revocation in revocations}
            again = [entry.parcel for entry in self._store.entries_of(ids) if entry.place == "ready"][1:]
            removed = super().revoke(revocations, records, leave)
            self._store.add([parcel for parcel in again if parcel.id in removed], 0.0)
            return removed


class RevokeLater(Broken, breaks="test_revoke_removes_what_is_delayed"):
    """Leaves delayed messages to the worker that will claim them."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            ids = {revocation.id for revocation in revocations}
            again = [entry.parcel for entry in self._store.entries_of(ids) if entry.place == "delayed"]
            removed = super().revoke(revocations, records, leave)
            self._store.add([parcel for parcel in again if parcel.id in removed], 0.0)
            return removed


class RevokedWhole(Broken, breaks="test_what_is_to_be_left_is_revoked_and_stays"):
    """Removes what it was told to leave when that is delayed."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            removed = super().revoke(revocations, records, leave)
            for entry in self._store.entries_of({revocation.id for revocation in revocations}):
                if entry.place == "delayed":
                    self._store.remove(entry)
            return removed


class RevokedUnrecorded(Broken, breaks="test_the_record_of_a_removed_message_is_stored_at_once"):
    """Stores no record for what was delayed."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            delayed = {entry.parcel.id for entry in self._store.entries_in("delayed")}
            return super().revoke(revocations, [record for record in records if record.id not in delayed], leave)


class RevokeRunning(Broken, breaks="test_revoke_does_not_touch_what_runs"):
    """Takes a message from its holder."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            ids = {revocation.id for revocation in revocations}
            removed = super().revoke(revocations, records, leave)
            for entry in self._store.entries_of(ids):
                if entry.place == "leased" and not records:
                    self._store.remove(entry)
            return removed


class RevokedAnyway(Broken, breaks="test_the_record_of_a_running_or_unknown_task_is_not_stored"):
    """Stores the record of every task that it is told to revoke."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            removed = super().revoke(revocations, records, leave)
            for record in records:
                self._store.results.keep(record, 0.0)
            return removed


class RevokeTheDead(Broken, breaks="test_dead_letters_are_not_revoked"):
    """Removes dead letters too."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            removed = super().revoke(revocations, records, leave)
            for entry in self._store.entries_of({revocation.id for revocation in revocations}):
                if entry.place == "dead":
                    self._store.remove(entry)
            return removed


class NoSignal(Broken, breaks="test_revocations_are_a_log"):
    """Forgets by which signal a task is to be stopped."""

    class Notices(MemoryNotices):
        def revoke(self, revocation: Revocation) -> None:
            super().revoke(msgspec.structs.replace(revocation, signal="SIGTERM"))


class OldRevision(Broken, breaks="test_a_turn_carries_the_newest_revision"):
    """Tells the revision only with messages."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            turn = super().turn(outcomes, want)
            if not turn.deliveries and not any(entry.expires for entry in self._store.notices.revocations):
                turn.revision = 0
            return turn


class RevisionOfWhatIsLeft(Broken, breaks="test_a_revision_never_goes_back"):
    """Takes the revision from the newest entry that is still there."""

    class Notices(MemoryNotices):
        def tidy(self, now: float) -> int:
            removed = super().tidy(now)
            self.revision = max((entry.revision for entry in self.revocations), default=0)
            return removed


class HeardOnce(Broken, breaks="test_a_broadcast_reaches_every_listener"):
    """Gives a broadcast to the first one who listens."""

    class Notices(MemoryNotices):
        def heard(self, after: int, now: float) -> list[Broadcast]:
            found = super().heard(after, now)
            self.broadcasts = [entry for entry in self.broadcasts if entry[0] not in found or after]
            return found


class OldOrders(Broken, breaks="test_an_expired_broadcast_is_silent"):
    """Repeats broadcasts until they are tidied away."""

    class Notices(MemoryNotices):
        def heard(self, after: int, now: float) -> list[Broadcast]:
            return super().heard(after, 0.0)


class QuietBroadcast(Broken, breaks="test_a_broadcast_wakes_a_listener"):
    """Wakes nobody who listens."""

    class Notices(MemoryNotices):
        def broadcast(self, payload: bytes, expires: float) -> None:
            listeners, self.listeners = self.listeners, set()
            super().broadcast(payload, expires)
            self.listeners = listeners


class DeafListener(Broken, breaks="test_a_listener_is_woken_by_its_descriptor"):
    """Does not look at the descriptor of one who listens."""

    class Control(MemoryControl):
        def _await(self, look: Callable[[], list[Found]], timeout: float, wake: int) -> list[Found]:
            return super()._await(look, timeout, -1)


class AnswersStay(Broken, breaks="test_answers_are_taken_by_their_ticket"):
    """Leaves answers there for the next one who asks."""

    class Notices(MemoryNotices):
        def collect(self, ticket: str, now: float) -> list[bytes]:
            answers = self.replies.get(ticket, [])
            found = super().collect(ticket, now)
            self.replies[ticket] = [entry for entry in answers if entry[0] in found]
            return found


class LateAnswers(Broken, breaks="test_an_expired_answer_is_gone"):
    """Delivers answers that nobody wants any more."""

    class Notices(MemoryNotices):
        def collect(self, ticket: str, now: float) -> list[bytes]:
            return super().collect(ticket, 0.0)


class QuietAnswers(Broken, breaks="test_an_answer_wakes_the_one_who_asked"):
    """Wakes nobody who waits for an answer."""

    class Notices(MemoryNotices):
        def reply(self, ticket: str, payload: bytes, expires: float) -> None:
            listeners, self.listeners = self.listeners, set()
            super().reply(ticket, payload, expires)
            self.listeners = listeners
