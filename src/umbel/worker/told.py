"""What receivers of signals are shown of a message: made only when somebody listens, and by Celery's names.

Received   a message that is about to run: its request, with the task and the app (Celery's worker request)
Arrived    a message that cannot run: its bytes, headers and properties as far as they can be read (kombu's message)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..context import Context
from ..message import Delivery

if TYPE_CHECKING:
    from ..app import Umbel
    from ..task import Task

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Received:
    """The request of a message that is about to run; whatever `Context` has is an attribute of it too.

    Args:
        context: the request.
        task: the task that runs.
        app: the application.
    """

    def __init__(self, context: Context, task: Task[..., Any], app: Umbel) -> None:
        self.context = context
        self.task = task
        self.app = app
        self.name = self.task_name = self.type = context.task
        self.id = self.task_id = context.id

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def __repr__(self) -> str:
        return f"<Received: {self.name}[{self.id}]>"


class Arrived:
    """A message that cannot run.

    Args:
        delivery: the message.

    Attributes:
        body: serialized arguments, bytes.
        headers, properties: empty where they cannot be read.
        content_type, content_encoding: of the body, None where they cannot be read.
        delivery_info: exchange, routing_key, priority, redelivered.
    """

    def __init__(self, delivery: Delivery) -> None:
        try:
            head = _decode(delivery.head)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            head = {}
        self.body = delivery.body
        self.headers: Any = head.get("headers") or {}
        self.properties: Any = head.get("properties") or {}
        self.content_type: str | None = head.get("content-type")
        self.content_encoding: str | None = head.get("content-encoding")
        self.delivery_info = {
            "exchange": "", "routing_key": delivery.queue, "priority": delivery.priority,
            "redelivered": delivery.redelivered,
        }  # fmt: skip
