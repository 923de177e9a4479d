"""Looking at what an app has sent."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from umbel import Umbel
from umbel.message import Parcel


class Message(NamedTuple):
    """A stored message, decoded."""

    headers: dict[str, Any]
    properties: dict[str, Any]
    content_type: str
    body: Any
    parcel: Parcel


def decoded(parcel: Parcel) -> Message:
    head = json.loads(parcel.head)
    body = json.loads(parcel.body) if head["content-type"] == "application/json" else parcel.body
    return Message(head["headers"], head["properties"], head["content-type"], body, parcel)


def stored(app: Umbel) -> list[Message]:
    """All messages that wait, in the order in which they were sent."""
    shelf = app.broker.shelf()
    items = [item for place in ("ready", "delayed") for item in shelf.items(place, limit=1000)]
    return [decoded(item.parcel) for item in sorted(items, key=lambda item: item.tag)]


def only(app: Umbel) -> Message:
    messages = stored(app)
    assert len(messages) == 1, messages
    return messages[0]
