"""What receivers of signals are shown of a message: made only when somebody listens, and by Celery's names.

Received   a message that is about to run: its request, with the task and the app (Celery's worker request)
Arrived    a message that cannot run: its bytes, headers and properties as far as they can be read (kombu's message)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ..context import Context
from ..exceptions import ImproperlyConfigured
from ..message import Delivery

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Received:
    """The request of a message that runs, or is about to; whatever `Context` has is an attribute of it too.

    Args:
        message: has the request, as ``context`` (`strategies.Message`).
        on_ack, on_reject: called by `acknowledge` and `reject`.
        app: the application.
        task: the task that runs.
        hostname, eventer, connection_errors, request_dict, utc, opts: accepted, Celery's; the message says it.

    Attributes:
        acknowledged: whether it was acknowledged or rejected.
    """

    def __init__(
        self, message: Any, on_ack: Callable[[], Any] | None = None, hostname: str | None = None, eventer: Any = None,
        app: Any = None, connection_errors: Any = None, request_dict: Any = None, task: Any = None,
        on_reject: Callable[[bool], Any] | None = None, utc: bool = True, **opts: Any,
    ) -> None:  # fmt: skip
        context: Context = message.context
        self.context = context
        self.task = task
        self.app = app
        self.eventer = eventer
        self.utc = utc
        self.name = self.task_name = self.type = context.task
        self.id = self.task_id = context.id
        self.acknowledged = False
        self._on_ack = on_ack
        self._on_reject = on_reject

    @property
    def request_dict(self) -> dict[str, Any]:
        """All headers of the message, and what is known of its way."""
        context = self.context
        return {
            **context.all_headers, "properties": context.properties, "reply_to": context.reply_to,
            "correlation_id": context.correlation_id, "hostname": context.hostname,
            "delivery_info": context.delivery_info,
        }  # fmt: skip

    def info(self, safe: bool = False) -> dict[str, Any]:
        """What to show of it.

        Args:
            safe: arguments as texts.
        """
        context = self.context
        return {
            "id": self.id, "name": self.name, "args": context.argsrepr if safe else context.args,
            "kwargs": context.kwargsrepr if safe else context.kwargs, "type": self.type, "hostname": context.hostname,
            "acknowledged": self.acknowledged, "delivery_info": context.delivery_info,
        }  # fmt: skip

    @property
    def eta(self) -> datetime | None:
        """Moment before which it was not to start."""
        return _moment(self.context.eta)

    @property
    def expires(self) -> datetime | None:
        """Moment after which it is not to start."""
        return _moment(self.context.expires)

    @property
    def payload(self) -> tuple[Any, Any, dict[str, Any]]:
        """Arguments, keyword arguments, and what is to follow."""
        return self.context.args, self.context.kwargs, self.context.embed

    _payload = payload

    def acknowledge(self) -> None:
        """Say that it has run; a strategy does, when its task has. A second call does nothing."""
        if self._on_ack is None:
            raise ImproperlyConfigured(
                "A receiver of a signal cannot acknowledge a message: the worker does, at its end."
            )
        if not self.acknowledged:
            self.acknowledged = True
            self._on_ack()

    def reject(self, requeue: bool = False) -> None:
        """Refuse it: for good, or to have it run again. A second call does nothing.

        Args:
            requeue: have it run again.
        """
        if self._on_reject is None:
            raise ImproperlyConfigured("A receiver of a signal cannot reject a message; raise Reject in its task.")
        if not self.acknowledged:
            self.acknowledged = True
            self._on_reject(requeue)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def __repr__(self) -> str:
        return f"<Received: {self.name}[{self.id}]>"


class Shown(NamedTuple):
    """What a receiver of signals is shown in the place of a message."""

    context: Context


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


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
