"""Producers' part: one statement for all parcels of a call, then a byte to one idle consumer of each queue."""

from __future__ import annotations

from collections.abc import Sequence

from ... import clock
from ...exceptions import QueueFull
from ...message import Parcel
from . import rows
from .address import Address
from .link import Link
from .wake import Ringer


class SqlitePublisher:
    """See `umbel.broker.Publisher`."""

    __slots__ = ("_link", "_ringer")

    def __init__(self, address: Address) -> None:
        self._link = Link(address)
        self._ringer = Ringer(address.path)

    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        if not parcels:
            return
        sql, values = rows.publish(parcels, clock.wall(), limits)
        try:
            self._link.write(sql, values, deadline)
        except QueueFull as error:
            queues = ", ".join(f"{queue} ({most})" for queue, most in (limits or {}).items())
            raise QueueFull(f"Nothing was sent: a queue would hold more than its bound. Bounds: {queues}.") from error
        if len(parcels) == 1:
            self._ringer.ring(parcels[0].queue)
            return
        for queue in {parcel.queue for parcel in parcels}:
            self._ringer.ring(queue)

    def close(self) -> None:
        self._link.close()
        self._ringer.close()
