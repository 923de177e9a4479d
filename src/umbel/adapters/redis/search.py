"""Looking through lists and sets page by page, so that the server is never busy with it for long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from .envelope import Content, opened
from .layout import Layout
from .link import Link
from .wire import Word

PAGE: Final = 1000


class Found(msgspec.Struct, gc=False):
    """A message that waits.

    Attributes:
        queue: whose it is.
        step: of its priority.
        line: the list that is or will be its own, without prefix.
        key: the sorted set that it stands in, without prefix; empty when it is in the list.
        member: as it stands in that set.
        item: its envelope.
        content: what is in it.
    """

    queue: str
    step: int
    line: str
    key: str
    member: bytes
    item: bytes
    content: Content


class Search:
    """Reads what waits, by the connection of the part that asks."""

    def __init__(self, link: Link, layout: Layout) -> None:
        self._link = link
        self._layout = layout

    def queues(self) -> list[str]:
        """Names of all queues: those that umbel published to, and those that Celery's processes declared."""
        names = {name.decode() for name in self._link.call("SMEMBERS", self._layout.own("queues"), idempotent=True)}
        return sorted(names | set(self._declared()))

    def waiting(self, ids: Sequence[str]) -> list[Found]:
        """Messages of these tasks that wait, ready or delayed.

        Delayed ones are looked through first and lists from the side of the newest, so that a message which moves on
        meanwhile is seen in one place or the other.
        """
        texts = sorted({text for each in ids for text in _written(each)})
        wanted = set(ids)
        found: list[Found] = []
        for queue in self.queues():
            for key, step in self._places(queue):
                kind = "list" if step is not None and key == self._layout.line(queue, step) else "set"
                for member in self._sifted(key, kind, texts):
                    place = self.place(queue, step, key if kind == "set" else "", member)
                    if place.content.id in wanted:
                        found.append(place)
        return found

    def place(self, queue: str, step: int | None, key: str, member: bytes) -> Found:
        """A member of a list (no key) or of a set, taken apart."""
        item = member
        if key:
            head, item = member.split(b"|", 1)
            if step is None:  # of a delayed set: step|position|item
                step, item = int(head), item.split(b"|", 1)[1]
        step = step or 0
        line = self._layout.line(queue, step)
        return Found(queue, step, line, key, member if key else b"", item, opened(item))

    def _places(self, queue: str) -> Iterator[tuple[str, int | None]]:
        yield f"umbel:delayed:{queue}", None
        for step in self._layout.steps:
            line = self._layout.line(queue, step)
            yield f"umbel:first:{self._layout.key(line)}", step
            yield line, step

    def _sifted(self, key: str, kind: str, texts: Iterable[str]) -> Iterator[bytes]:
        start = 0
        while True:
            words: list[Word] = [key, kind, start, start + PAGE - 1, *texts]
            size, members = self._link.script("sift", (self._layout.prefix,), words, idempotent=True)
            yield from members
            start += PAGE
            if size < PAGE:
                return

    def _declared(self) -> Iterator[str]:
        """Queues of kombu's binding tables; those of remote control and events hold no tasks."""
        cursor = b"0"
        pattern = f"{self._layout.key('_kombu.binding.')}*"
        while True:
            cursor, keys = self._link.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000, idempotent=True)
            for key in keys:
                for member in self._link.call("SMEMBERS", key, idempotent=True):
                    name = member.decode(errors="replace").rsplit(self._layout.separator, 1)[-1]
                    if not name.endswith(".pidbox") and not name.startswith("celeryev"):
                        yield name
            if cursor == b"0":
                return


def _written(task_id: str) -> set[str]:
    """How an id may stand in JSON."""
    return {json.dumps(task_id)[1:-1], json.dumps(task_id, ensure_ascii=False)[1:-1]}
