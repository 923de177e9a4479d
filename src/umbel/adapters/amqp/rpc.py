"""Results that are sent to whoever called, as Celery's rpc:// does it; nobody else finds them, and nothing keeps them.

    worker   store()   one message for each state: to the queue that the call names (``reply_to``), by the default
                       exchange, with the task's id as ``correlation_id`` and the result document as its body
    client   listen()  before it sends: its queue is declared and read (`mailbox`)
             fetch()   what has arrived here

The server confirms each answer before the worker acknowledges the task. An answer that no queue takes, because whoever
called has gone, is dropped by the server; so is one whose task was sent without anybody listening. What it cannot
promise, compared to a store: a result is known in the process that sent the task only, dies with it, and is lost when
its connection breaks at the wrong moment.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from pika.spec import Basic, BasicProperties

from ...exceptions import ImproperlyConfigured, OperationalError, SerializationError, UmbelError
from ...record import Record
from ...serialization import acceptable, codec, decompress_document, dumps, loads
from ...states import SUCCESS
from ...urls import mask_url, scheme
from .address import Address
from .faults import blocked, unanswered
from .frames import addressed
from .link import Link
from .mailbox import MOST, Bell, Mailbox

logger = logging.getLogger(__name__)

WINDOW: Final = 1000
"""Answers that wait for their confirms at a time."""

_SCHEMES: Final = ("amqp", "amqps", "pyamqp", "pyamqps")
_JSON: Final = "application/json"
_HEAD_FLAGS: Final = b"\xfc\x00"  # content type and encoding, headers, delivery mode, priority, correlation id


class _Status(msgspec.Struct):
    status: str
    task_id: str = ""


_status: Final = msgspec.json.Decoder(_Status).decode


class Form:
    """How results travel.

    Args:
        serializer: `result_serializer`.
        accept: `result_accept_content`: what may be decoded.
        most: bytes to which a compressed document may grow.
        persistent: `result_persistent`: whether an answer outlives a restart of the server.
    """

    __slots__ = ("_accept", "_codec", "_most", "_start")

    def __init__(self, serializer: str, accept: Iterable[str], most: int, persistent: bool) -> None:
        self._codec = codec(serializer)
        self._accept = acceptable(accept, "result_accept_content")
        self._most = most
        words = self._codec.content_type, self._codec.content_encoding
        self._start = {
            kind: b"%b%b%b\0\0\0\0%b\0" % (_HEAD_FLAGS, _short(kind), _short(encoding), b"\2" if persistent else b"\1")
            for kind, encoding in {words, (_JSON, "utf-8")}
        }

    def message(self, record: Record) -> tuple[bytes, bytes]:
        """Properties and body of an answer."""
        body = decompress_document(record.document, self._most)
        kind = _JSON if body.startswith(b'{"') else self._codec.content_type
        return self._start[kind] + _short(record.id), body

    def record(self, properties: BasicProperties, body: bytes) -> Record | None:
        """What an answer says; None for a message that is none."""
        kind = properties.content_type or _JSON
        if kind == _JSON:
            found = _status(body)
            return Record(properties.correlation_id or found.task_id, found.status, body)
        task_id = properties.correlation_id
        if not task_id:
            return None
        try:
            value = loads(body, kind, properties.content_encoding, self._accept)
            document = body if kind == self._codec.content_type else dumps(value, self._codec.name)[2]
            return Record(task_id, str(value["status"]), document)
        except (UmbelError, KeyError, TypeError) as error:  # whoever reads this answer is told what is wrong with it
            logger.warning("The result of task %s cannot be read: %s", task_id, error)
            return Record(task_id, SUCCESS, body)


class RpcBackend:
    """See `umbel.backend.Backend`, and the module for what it cannot promise.

    Args:
        address: of the server.
        queue: where this process's answers arrive.
        form: how results travel.
        expires: seconds that an answer is kept here; 0 for as long as the process lives.
        most: how many are kept.
    """

    def __init__(self, address: Address, queue: str, form: Form, expires: float, most: int = MOST) -> None:
        self._link = Link(address, "umbel answers")
        self._place = address, queue
        self._form = form
        self._expires, self._kept = expires, most
        self._box: Mailbox | None = None
        self._life = self._tag = self._low = 0
        self._open: set[int] = set()
        self._refused = False

    def listen(self) -> None:
        """See to it that what this process sends from now on can be answered.

        Raises:
            OperationalError: the server cannot be reached in time.
        """
        self._mailbox().listen()

    def store(self, records: Sequence[Record]) -> None:
        """Send these states to those who called; a record of nobody's call goes nowhere."""
        answers = [(record.reply_to, *self._form.message(record)) for record in records if record.reply_to]
        for start in range(0, len(answers), WINDOW):
            self._send(answers[start : start + WINDOW])

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        return {} if (box := self._known_mailbox()) is None else box.find(ids)

    def known(self, task_id: str) -> bool | None:
        """True for a task that has answered here; None otherwise: nobody can tell what others have sent."""
        return task_id in self.fetch([task_id]) or None

    def forget(self, ids: Sequence[str]) -> None:
        if (box := self._known_mailbox()) is not None:
            box.forget(ids)

    def watch(self) -> RpcWatch:
        return RpcWatch(self._mailbox())

    def close(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            box.leave()
        self._link.close()

    def _send(self, answers: Sequence[tuple[str, bytes, bytes]]) -> None:
        link = self._link
        until = link.until()
        with link:
            self._ready(until)
            for queue, properties, body in answers:
                link.post(addressed("", queue), properties, body)
                self._tag += 1
                self._open.add(self._tag)
            there = link.drive(lambda: not self._open or link.blocked != "", until) and not self._open
            if link.blocked and not there:  # what was sent is with the server, and the end of the alarm is heard here
                raise blocked(link.address, link.blocked)
            if not there:
                link.drop("an answer was not confirmed")  # what is still under way must not count for the next ones
                raise unanswered(link.address, link.blocked or "no confirm before the deadline")
            if self._refused:
                raise OperationalError(f"{link.address} refused a result; it is sent again.")

    def _ready(self, until: float) -> None:
        link = self._link
        link.channel(until)
        while self._life != link.life:
            self._tag = self._low = 0
            self._open.clear()
            self._life = link.confirming(self._on_confirm, _nobody_there, until)
            link.channel(until)
        self._refused = False
        if link.blocked:  # whoever settles goes on with what needs no answer
            raise blocked(link.address, link.blocked)

    def _on_confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        if frame.method.multiple:
            self._open.difference_update(range(self._low + 1, tag + 1))
            self._low = tag
        self._open.discard(tag)
        self._refused = self._refused or not isinstance(frame.method, Basic.Ack)

    def _known_mailbox(self) -> Mailbox | None:
        if self._box is None and self._place in _mailboxes:
            return self._mailbox()
        return self._box

    def _mailbox(self) -> Mailbox:
        if self._box is None:
            with _guard:
                found = _mailboxes.get(self._place)
                if found is None or not found.join():
                    found = _mailboxes[self._place] = Mailbox(
                        *self._place, self._expires, self._form.record, self._kept
                    )  # fmt: skip
                self._box = found
        return self._box


class RpcWatch:
    """See `umbel.backend.Watch`."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box
        self._bell = Bell()
        box.hang(self._bell)

    def add(self, ids: Iterable[str]) -> None:
        self._bell.ids.update(ids)

    def discard(self, ids: Iterable[str]) -> None:
        self._bell.ids.difference_update(ids)

    def wait(self, timeout: float, wake: int = -1) -> bool:
        return self._bell.wait(timeout, wake)

    def close(self) -> None:
        self._box.take_down(self._bell)
        self._bell.close()


_mailboxes: Final[dict[tuple[Address, str], Mailbox]] = {}
"""One for each server and queue, shared by the threads of a process."""

_guard = threading.RLock()


def _forked() -> None:
    global _guard  # noqa: PLW0603 - the parent's may be held by a thread that does not exist here
    _guard = threading.RLock()
    _left_alone.extend(_mailboxes.values())
    _mailboxes.clear()


_left_alone: Final[list[Mailbox]] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _nobody_there(_: Any, method: Any, properties: BasicProperties, __: bytes) -> None:
    logger.debug("Nobody waits any more for the result of task %s", properties.correlation_id)


def _short(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise SerializationError(f"AMQP cannot carry {text[:40]!r}...: it has more than 255 bytes.")
    return bytes((len(data),)) + data


def open_backend(url: str, options: dict[str, Any]) -> RpcBackend:
    """Results over the broker's own RabbitMQ; nothing is connected before it is used.

    Args:
        url: ``rpc://``.
        options: ``broker_url`` and ``broker_options`` say where; ``reply_to`` is the queue of this process, ``expires``
            seconds; ``persistent``, ``serializer``, ``accept`` and ``most`` as in `Form`; ``timeout`` (seconds of a
            call in all, the broker's) and ``results_in_memory`` (how many answers are kept).

    Raises:
        ImproperlyConfigured: the broker is not RabbitMQ, or its URL cannot work.

    Example:
        >>> open_backend("rpc://", {"broker_url": "amqp://localhost", "reply_to": "me"}).close()
    """
    broker = options.get("broker_url") or "amqp://"
    if scheme(broker) not in _SCHEMES:
        raise ImproperlyConfigured(
            f"{mask_url(url)} sends results over RabbitMQ, but the broker is {mask_url(broker)!r}; set result_backend "
            "to a store, for instance the broker's own URL."
        )
    form = Form(
        options.get("serializer", "json"), options.get("accept", ("json",)), options.get("most", 1 << 27),
        bool(options.get("persistent")),
    )  # fmt: skip
    own = {"timeout": options["timeout"]} if "timeout" in options else {}
    address = Address.parse(broker, {**(options.get("broker_options") or {}), **own})
    most = options.get("results_in_memory", MOST)
    if not isinstance(most, int) or most < 1:
        raise ImproperlyConfigured(f"results_in_memory is {most!r}; write how many results a process keeps.")
    return RpcBackend(address, options["reply_to"], form, options.get("expires") or 0.0, most)
