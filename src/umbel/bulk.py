"""Bulk calls in bounded pieces: a stream of messages becomes batches of one round trip each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from .message import Parcel

MOST: Final = 1_000
"""Messages in a batch."""

BYTES: Final = 1_000_000
"""Bytes of heads and bodies after which a batch is full; one message may be larger."""


def batches(parcels: Iterable[Parcel], most: int = MOST, size: int = BYTES) -> Iterator[list[Parcel]]:
    """Cut a stream of parcels into lists.

    Example:
        >>> parcels = [Parcel("q", str(n), "t", b"h", b"b") for n in range(5)]
        >>> [len(batch) for batch in batches(parcels, most=2)]
        [2, 2, 1]
    """
    batch: list[Parcel] = []
    held = 0
    for parcel in parcels:
        batch.append(parcel)
        held += len(parcel.head) + len(parcel.body)
        if len(batch) >= most or held >= size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
