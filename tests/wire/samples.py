"""Messages that Celery 5.7 sent, as they stood in Redis and RabbitMQ. ``data/celery-5.7`` holds one file a case."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
CELERY = DATA / "celery-5.7"


@dataclass
class Sample:
    """One captured message; ``expected`` is the body after plain JSON, where the capture has it."""

    case: str
    headers: dict[str, Any]
    properties: dict[str, Any]
    content_type: str
    content_encoding: str
    body: bytes
    expected: Any

    @property
    def compressed(self) -> bool:
        return "compression" in self.headers

    def head(self) -> bytes:
        """The envelope without the body, as a broker of ours keeps it."""
        made = {
            "headers": self.headers,
            "properties": self.properties,
            "content-type": self.content_type,
            "content-encoding": self.content_encoding,
        }
        return json.dumps(made).encode()


def _redis(case: str, message: dict[str, Any]) -> Sample:
    raw = message["raw"]
    return Sample(
        case, raw["headers"], raw["properties"], raw["content-type"], raw["content-encoding"],
        base64.b64decode(raw["body"]), message.get("body_decoded"),
    )  # fmt: skip


def _rabbitmq(case: str, message: dict[str, Any]) -> Sample:
    properties = message["properties"]
    return Sample(
        case, message["headers"], properties, properties["content_type"], properties["content_encoding"],
        message["body_text"].encode(), message["body_decoded"],
    )  # fmt: skip


def load(folder: str) -> list[Sample]:
    """All messages of a folder of captures."""
    found = []
    for path in sorted((CELERY / folder).glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        read = _rabbitmq if folder == "rabbitmq" else _redis
        messages = document["messages"]
        found += [read(f"{path.stem}-{number}", message) for number, message in enumerate(messages)]
    return found


def saferepr_expressions() -> list[tuple[str, str]]:
    """Python expressions and what Celery 5.7 wrote for their values."""
    return [(source, text) for source, text in json.loads((DATA / "saferepr-expressions.json").read_text())]


def saferepr_golden() -> dict[str, str]:
    found: dict[str, str] = json.loads((DATA / "saferepr.json").read_text())
    return found
