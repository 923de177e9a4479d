"""One stored message with everything that the store knows about it."""

from __future__ import annotations

from dataclasses import dataclass

from ...broker import Item, Place
from ...message import Delivery, Parcel


@dataclass(slots=True, eq=False)
class Entry:
    """One message. `place` is the single truth about where it is.

    Attributes:
        tag: the store's reference, ascending in order of arrival; it is also the message's place in its line.
        gone: it has left the store; the line that it stood in may not have noticed yet.
        due: unix time until which it is delayed; 0.0 unless `place` is "delayed".
        owner: nonce of the owner that holds it, 0 unless `place` is "leased".
        claim: number of the last claim.
        held: its holder said `Hold`: it must never run twice.
        alone: its last owner died and nobody could say what it ran, so it is claimed alone.
    """

    tag: int
    parcel: Parcel
    stored: float
    place: Place = "ready"
    gone: bool = False
    due: float = 0.0
    owner: int = 0
    claim: int = 0
    held: bool = False
    alone: bool = False
    redelivered: bool = False
    parked: float = 0.0
    deaths: int = 0
    verdict: str = ""
    reason: str = ""
    detail: str = ""
    died: float = 0.0

    @property
    def waits(self) -> bool:
        return self.place in ("ready", "delayed")

    @property
    def level(self) -> int:
        """How soon it is its turn, lowest first: by priority, and within one a suspect before the others."""
        return (9 - self.parcel.priority) * 2 + (not self.alone)

    def delivery(self) -> Delivery:
        """What a worker gets."""
        parcel = self.parcel
        return Delivery(
            tag=self.tag, claim=self.claim, queue=parcel.queue, head=parcel.head, body=parcel.body,
            priority=parcel.priority, deaths=self.deaths, alone=self.alone, verdict=self.verdict,
            redelivered=self.redelivered, parked=self.parked,
        )  # fmt: skip

    def item(self, owner: str) -> Item:
        """What the reading side gets; ``owner`` is the node name of its holder."""
        sent = self.parcel
        parcel = Parcel(sent.queue, sent.id, sent.name, sent.head, sent.body, sent.priority, self.due or sent.due)
        return Item(
            tag=self.tag, place=self.place, parcel=parcel, stored=self.stored, owner=owner, deaths=self.deaths,
            reason=self.reason, detail=self.detail, died=self.died,
        )  # fmt: skip
