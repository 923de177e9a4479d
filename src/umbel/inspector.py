"""Looking into the store: queues, messages and dead letters as plain facts for people and programs.

It reads the store itself and needs no worker. Task arguments are shown as the sender described them (``argsrepr``), so
what was redacted there stays redacted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from .broker import Item, Place, QueueCount
from .exceptions import NotFound
from .message import Envelope, Parcel
from .serialization import compress, decompress, dumps, loads

if TYPE_CHECKING:
    from .app import Umbel

PLACES: tuple[Place, ...] = ("ready", "delayed", "leased", "dead")
_PAGE = 500
_HARMLESS = frozenset({"json", "msgpack", "yaml"})  # what runs no code while it is read


class Entry(msgspec.Struct, frozen=True):
    """One message, for showing.

    Attributes:
        tag: the store's reference.
        place: ready, delayed, leased or dead.
        id, name, queue, priority: of the message.
        args, kwargs: as the sender described them.
        retries: number of the attempt, from 0.
        stored: unix time of its arrival.
        due: unix time before which it does not run; 0.0 at once.
        owner: node that holds it, "" when none does.
        deaths: crashes counted against it.
        reason, detail, died: dead letters: why, traceback, when (unix time).
    """

    tag: int
    place: str
    id: str
    name: str
    queue: str
    priority: int
    args: str
    kwargs: str
    retries: int
    stored: float
    due: float
    owner: str
    deaths: int
    reason: str
    detail: str
    died: float


class Inspector:
    """One app's store, opened for looking. `close` it, or use it in a ``with`` block.

    Args:
        app: the application.
    """

    def __init__(self, app: Umbel) -> None:
        self._shelf = app.broker.shelf()
        self._most_bytes: int = app.conf.decompressed_max_size

    def close(self) -> None:
        """Give its connection to the store back; safe to repeat."""
        self._shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def queues(self) -> list[QueueCount]:
        """Sizes of all queues that hold a message."""
        return self._shelf.counts()

    def entries(self, place: Place, *, queue: str | None = None, limit: int = 20) -> list[Entry]:
        """The first `limit` messages of a place, in the order in which they would be taken."""
        found: list[Entry] = []
        for item in self._items(place, queue):
            if len(found) == limit:
                break
            found.append(entry(item))
        return found

    def _items(self, place: Place, queue: str | None) -> Iterator[Item]:
        after = 0
        while page := self._shelf.items(place, queue=queue, after=after, limit=_PAGE):
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].tag

    def items(self, task_id: str) -> list[Item]:
        """All stored messages of a task id.

        Raises:
            NotFound: there is none.
        """
        found = self._shelf.find(task_id)
        if not found:
            raise NotFound(f"no message with the id {task_id} is stored: it was run, deleted, or never sent here")
        return found

    def dead(self, ids: Sequence[str]) -> list[Item]:
        """The dead letters of these task ids; all of them when none is named.

        Raises:
            NotFound: one of them has no dead letter.
        """
        if not ids:
            return list(self._items("dead", None))
        found = []
        for task_id in ids:
            dead = [item for item in self._shelf.find(task_id) if item.place == "dead"]
            if not dead:
                raise NotFound(
                    f"there is no dead letter with the id {task_id}: umbel dead list shows those that are there"
                )
            found += dead
        return found

    def delete(self, items: Sequence[Item]) -> int:
        """Remove these messages for good; returns how many were still there."""
        tags: dict[Place, list[int]] = {}
        for item in items:
            tags.setdefault(item.place, []).append(item.tag)
        return sum(self._shelf.delete(place, group) for place, group in tags.items())

    def purge(self, queue: str) -> int:
        """Remove everything that waits in a queue."""
        return self._shelf.purge(queue)

    def replay(self, items: Sequence[Item], *, arguments: tuple[list[Any], dict[str, Any]] | None = None) -> int:
        """Move dead letters back to their queues.

        Args:
            items: the dead letters.
            arguments: new args and kwargs, for a single one.
        """
        body = None
        if arguments is not None:
            body = _edited(items[0].parcel, arguments, self._most_bytes)
        return self._shelf.replay([item.tag for item in items], body=body)


def _edited(parcel: Parcel, arguments: tuple[list[Any], dict[str, Any]], most_bytes: int) -> bytes:
    """The body of a message with other arguments, written as it was.

    Raises:
        ContentDisallowed: it is pickled, which nobody reads who does not run the task.
        DecodeError: it cannot be read.
    """
    envelope = msgspec.json.decode(parcel.head, type=Envelope)
    method = envelope.headers.compression or ""
    data = decompress(parcel.body, method, most_bytes) if method else parcel.body
    _, _, embed = loads(data, envelope.content_type, envelope.content_encoding, _HARMLESS)
    _, _, body = dumps([*arguments, embed], envelope.content_type)
    return compress(body, method)[0] if method else body


def entry(item: Item) -> Entry:
    """What is shown of a stored message; one that cannot be read shows empty arguments."""
    parcel = item.parcel
    try:
        headers = msgspec.json.decode(parcel.head, type=Envelope).headers
        shown = (headers.argsrepr, headers.kwargsrepr, headers.retries)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        shown = ("", "", 0)
    return Entry(
        item.tag, item.place, parcel.id, parcel.name, parcel.queue, parcel.priority, *shown, item.stored, parcel.due,
        item.owner, item.deaths, item.reason, item.detail, item.died,
    )  # fmt: skip
