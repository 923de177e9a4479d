"""The reading side: count, list, delete, replay. It reads page by page: what moves meanwhile may be missed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from ... import clock
from ...broker import Item, Owner, Place, QueueCount
from ...exceptions import ImproperlyConfigured
from ...message import Parcel
from .consumer import tag_ref
from .envelope import opened, ref_of, stored_at, with_body
from .layout import Layout
from .link import Link
from .plain import made_plain
from .search import PAGE, Search
from .wire import Word

_told = msgspec.msgpack.Decoder(dict[str, Any]).decode
_owner = msgspec.json.Decoder(Owner).decode


class Listed(msgspec.Struct, gc=False):
    """An item of a listing and how it is removed: the words that remove.lua takes."""

    item: Item
    words: tuple[Word, Word]


class RedisShelf:
    """See `umbel.broker.Shelf`."""

    def __init__(self, link: Link, layout: Layout) -> None:
        self._link = link
        self._layout = layout
        self._search = Search(link, layout)

    def counts(self) -> list[QueueCount]:
        """Sizes of every queue that has a message, by name."""
        layout = self._layout
        words: list[Word] = [layout.separator, clock.wall(), *layout.numbered_steps(), *self._search.queues()]
        counts = []
        for name, ready, delayed, leased, dead, heads in self._script("counts", words):
            oldest = min(filter(None, map(stored_at, heads)), default=0.0)
            counts.append(QueueCount(name.decode(), ready, delayed, leased, dead, oldest))
        return sorted(counts, key=lambda count: count.queue)

    def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
        """Messages of one place, in pages; behind one that has moved on there is nothing."""
        found = (listed.item for listed in self._listed(place, queue))
        if after:
            for item in found:
                if item.tag == after:
                    break
        return list(islice(found, limit))

    def find(self, task_id: str) -> list[Item]:
        """All stored messages of one task id."""
        found = [
            self._item("delayed" if each.key.startswith("umbel:delayed:") else "ready", each.queue, each.item,
                       self._due(each.key, each.member))
            for each in self._search.waiting([task_id])
        ]  # fmt: skip
        for place in ("leased", "dead"):
            found += [listed.item for listed in self._listed(place, None) if listed.item.parcel.id == task_id]
        return found

    def delete(self, place: Place, tags: Sequence[int]) -> int:
        """Remove by tag what is in that place."""
        wanted = set(tags)
        if not wanted:
            return 0
        if place == "dead":
            words: list[Word] = [word for tag in wanted for word in ("", tag_ref(tag))]
        else:
            words = [word for each in self._listed(place, None) if each.item.tag in wanted for word in each.words]
        return int(self._script("remove", [place, *words])) if words else 0

    def purge(self, queue: str) -> int:
        """Remove all ready and delayed messages of a queue."""
        return int(self._script("purge", (self._layout.separator, queue, *self._layout.steps)))

    def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
        """Put dead letters back to their own place, with nothing counted against them."""
        if body is not None and len(tags) != 1:
            raise ValueError(f"A new body fits one dead letter and {len(tags)} were named: replay them one by one.")
        words: list[Word] = [self._layout.separator]
        for tag in dict.fromkeys(tags):
            item = None
            if body is not None:
                item = self._link.call("HGET", self._layout.own("dead:item"), tag_ref(tag), idempotent=True)
            words += (tag_ref(tag), with_body(item, body) if item and body is not None else b"")
        return int(self._script("replay", words))

    def make_plain(self, limit: int) -> list[Item]:
        """Give what only umbel reads to Celery's workers (`umbel.transfer.PlainShelf`).

        Raises:
            ImproperlyConfigured: it is in a cluster, where Celery has no workers.
        """
        if self._link.address.nodes:
            raise ImproperlyConfigured(
                f"Celery cannot use a cluster, so nothing in {self._link.address} can be given to its workers; name a "
                "store to move to: --to redis://..."
            )
        self.counts()  # moves what has fallen due
        return made_plain(self._link, self._layout, limit)

    def close(self) -> None:
        """Give the connection back; safe to repeat."""
        self._link.close()

    # listing

    def _script(self, name: str, words: Sequence[Word]) -> Any:
        return self._link.script(name, (self._layout.prefix,), words)

    def _listed(self, place: str, queue: str | None) -> Iterator[Listed]:
        """What is in a place, in the order in which it would be taken."""
        self.counts()  # moves what has fallen due
        if place == "ready":
            yield from self._ready([queue] if queue is not None else self._search.queues())
        elif place == "delayed":
            yield from self._delayed([queue] if queue is not None else self._search.queues())
        elif place == "leased":
            yield from self._leased(queue)
        else:
            yield from self._dead(queue)

    def _ready(self, queues: Iterable[str]) -> Iterator[Listed]:
        names = list(queues)
        for step in self._layout.steps:
            for queue in names:
                key = f"umbel:first:{self._layout.key(self._layout.line(queue, step))}"
                for member in self._link.call("ZRANGE", self._layout.key(key), 0, -1, idempotent=True):
                    item = member.split(b"|", 1)[1]
                    yield Listed(self._item("ready", queue, item), (key, member))
            for queue in names:
                line = self._layout.line(queue, step)
                for item in self._from_the_right(line):
                    yield Listed(self._item("ready", queue, item), (line, item))

    def _from_the_right(self, line: str) -> Iterator[bytes]:
        if self._link.call("TYPE", self._layout.key(line), idempotent=True) != b"list":
            return
        last = -1
        while True:
            page = self._link.call("LRANGE", self._layout.key(line), last - PAGE + 1, last, idempotent=True)
            yield from reversed(page)
            last -= PAGE
            if len(page) < PAGE:
                return

    def _delayed(self, queues: Iterable[str]) -> Iterator[Listed]:
        found = []
        for queue in queues:
            key = f"umbel:delayed:{queue}"
            stored = self._link.call("ZRANGE", self._layout.key(key), 0, -1, "WITHSCORES", idempotent=True)
            for member, due in zip(stored[::2], stored[1::2], strict=True):
                item = member.split(b"|", 2)[2]
                found.append(Listed(self._item("delayed", queue, item, float(due)), (key, member)))
        yield from sorted(found, key=lambda listed: listed.item.parcel.due)

    def _leased(self, queue: str | None) -> Iterator[Listed]:
        found: list[tuple[int, int, Listed]] = []
        for packed in self._link.call("HVALS", self._layout.own("owners"), idempotent=True):
            owner = _owner(packed)
            claims = self._pairs(f"claims:{owner.nonce}")
            for claim, home in claims.items():
                step, made, name = home.decode().split("|", 2)
                if queue not in (None, name):
                    continue
                for ref, position, item in self._held(owner.nonce, claim.decode(), made):
                    listed = self._item("leased", name, item, owner=owner.node, tag=int(ref, 16))
                    words = (f"{owner.nonce}:{claim.decode()}", ref)
                    found.append((int(step), position, Listed(listed, words)))
        yield from (listed for _, _, listed in sorted(found, key=lambda each: each[:2]))

    def _held(self, nonce: int, claim: str, made: str) -> Iterator[tuple[bytes, int, bytes]]:
        """Ref, position and envelope of what is held under one claim, whether it is a batch or a hash by now."""
        name, _, size = made.partition("x")
        batch = self._link.call("LRANGE", self._layout.own(f"batch:{nonce}:{name}"), 0, -1, idempotent=True)
        for place, item in enumerate(batch, int(claim) + int(size or 0) - len(batch)):
            yield ref_of(item).encode(), place, item
        for ref, value in self._pairs(f"lease:{nonce}:{claim}").items():
            position, item = value.split(b"|", 1)
            yield ref, int(position), item

    def _dead(self, queue: str | None) -> Iterator[Listed]:
        own = self._layout.own
        for ref in self._link.call("ZRANGE", own("dead"), 0, -1, idempotent=True):
            fields = [("HGET", own(f"dead:{part}"), ref) for part in ("letter", "item")]
            packed, stored = self._link.many(fields, idempotent=True)
            if packed is None or stored is None:
                continue  # replayed or removed meanwhile
            letter = _told(packed)
            if queue in (None, letter["q"]):
                item = self._item("dead", letter["q"], stored, tag=int(ref, 16))
                told = msgspec.structs.replace(
                    item, deaths=int(letter["d"]), reason=letter["r"], detail=letter["x"], died=float(letter["t"])
                )
                yield Listed(told, ("", ref))

    def _pairs(self, name: str) -> dict[bytes, bytes]:
        flat = self._link.call("HGETALL", self._layout.own(name), idempotent=True)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def _due(self, key: str, member: bytes) -> float:
        if not key.startswith("umbel:delayed:"):
            return 0.0
        return float(self._link.call("ZSCORE", self._layout.key(key), member, idempotent=True) or 0.0)

    def _item(
        self, place: Any, queue: str, item: bytes, due: float = 0.0, owner: str = "", tag: int | None = None
    ) -> Item:
        content = opened(item)
        ref = ref_of(item)
        facts = self._link.call("HGET", self._layout.own("facts"), ref, idempotent=True)
        parcel = Parcel(
            queue, content.id, content.name, content.head, content.body, content.priority, due or content.eta
        )
        return Item(
            tag if tag is not None else int(ref, 16), place, parcel, stored_at(item), owner,
            deaths=int(_told(facts).get("d", 0)) if facts else 0,
        )  # fmt: skip
