"""Making a connection: pika's, on a loop of its own, with one deadline over name, TCP, TLS and the handshake."""

# Its stubs of pika lack what the subclasses of a connection see.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic  # a server lives in real time, also while a test moves umbel's clocks
from typing import Any, Final

import pika
from pika.adapters.select_connection import SelectConnection
from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter
from pika.credentials import ExternalCredentials, PlainCredentials
from pika.exceptions import AMQPConnectionError
from pika.spec import Basic

from ... import clock
from . import frames
from .address import Address, Server
from .faults import not_opened
from .fields import Lazy
from .incoming import taken
from .loop import Loop

_FAREWELL: Final = 1.0  # seconds that a server has to answer a goodbye
_ROUNDS: Final = 50
_deliver: Any = Basic.Deliver  # it has no annotations
_PIECE: Final = 1 << 16

# What pika would log as an error is one of ours, raised to whoever asked: he decides whether it is worth a line.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class Connection(SelectConnection):
    """pika's connection, driven step by step.

    Args:
        server: which node.
        address: for its heartbeat.
        name: shown by the server.
        seconds: until its making is given up.
    """

    def __init__(self, server: Server, address: Address, name: str, seconds: float) -> None:
        self.server = server
        self.blocked = ""
        self.spoken = False
        self.reason: object = "it was closed"
        self._heartbeat = address.heartbeat
        self._heard = monotonic()
        self._bytes = 0
        self._loop = Loop()
        self._out: list[bytes] = []
        super().__init__(
            _parameters(server, address, name, seconds),
            on_open_error_callback=self._over,
            on_close_callback=self._over,
            custom_ioloop=SelectorIOServicesAdapter(self._loop),
        )
        self.add_on_connection_blocked_callback(self._on_blocked)
        self.add_on_connection_unblocked_callback(self._on_unblocked)

    @property
    def age(self) -> float:
        """Seconds since the server last said anything."""
        return monotonic() - self._heard

    def step(self, timeout: float, wake: int = -1) -> bool:
        """One step of its loop; returns whether ``wake`` was readable."""
        self._flush()
        woken = self._loop.step(timeout, wake)
        self._flush()
        if self.bytes_received != self._bytes:
            self._bytes = self.bytes_received
            self._heard = monotonic()
        return woken

    def post(self, channel: int, start: bytes, properties: bytes, body: bytes) -> None:
        """Send one message (see `frames`); it leaves with the next step."""
        out = self._out
        out.append(frames.framed(channel, start, properties, body))
        if len(body) > frames.LONGEST:
            out.extend(frames.rest(channel, body))

    def judge(self) -> None:
        """Drop it when the server has been silent for too long."""
        if self._heartbeat and self.is_open and self.age > 2 * self._heartbeat:
            self.step(0.0)  # nobody may have looked for a while
            if self.age > 2 * self._heartbeat:
                self.drop(f"it was silent for {self.age:.0f} s")

    def widen(self) -> None:
        """Read in pieces that hold more than a few messages, which pika's own do not."""
        transport: Any = self._transport
        transport._MAX_RECV_BYTES = _PIECE  # noqa: SLF001 - there is no other way to say it

    def goodbye(self) -> None:
        """Close it as AMQP wants it, but do not wait long for the answer; who has blocked it reads no farewell."""
        if self.is_open and not self.blocked:
            self.close()
            until = clock.monotonic() + _FAREWELL
            while not self.is_closed and clock.monotonic() < until:
                self.step(until - clock.monotonic())
        self.drop("it is closed")

    def drop(self, reason: str) -> None:
        """End it at once; the server hears no farewell. Safe to repeat."""
        if not self.is_closed:
            if self.is_closing or self._opened:
                self._terminate_stream(AMQPConnectionError(reason))
            else:
                self.close()
        for _ in range(_ROUNDS):  # pika lets go of its files in several steps
            if not self._loop.busy and self.is_closed:
                break
            self.step(0.0)
        self._loop.close()

    def leave(self) -> None:
        """In a forked child: see `Loop.leave`."""
        self._loop.leave()

    def _on_connection_workflow_done(self, conn_or_exc: Any) -> None:
        # of an attempt that was ended it is told by the class of the error, which it does not expect itself
        super()._on_connection_workflow_done(conn_or_exc() if isinstance(conn_or_exc, type) else conn_or_exc)

    def _on_data_available(self, data_in: bytes) -> None:
        self.spoken = True
        self._frame_buffer: bytes = self._frame_buffer + data_in
        while self.is_open:
            done, other = taken(self._frame_buffer, self._take)
            self._trim_frame_buffer(done)
            if not other:
                return
            consumed, found = self._read_frame()
            if found is None:
                return
            self._trim_frame_buffer(consumed)
            self._process_frame(found)
        super()._on_data_available(b"")

    def _take(
        self, number: int, consumer: str, tag: int, again: bool, exchange: bytes, key: bytes, packed: bytes, body: bytes
    ) -> bool:  # fmt: skip
        channel = self._channels.get(number)
        callback = None if channel is None else channel._consumers.get(consumer)  # noqa: SLF001 - as pika finds it
        if callback is None:
            return False
        callback(channel, _deliver(consumer, tag, again, exchange.decode(), key.decode()), Lazy(packed), body)
        return True

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        self._out += marshaled_frames  # pika would make a system call of each

    def _flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            if self._transport is not None:  # it is let go of in the middle of a step when the other side is gone
                super()._output_marshaled_frames([data])

    def _over(self, _: Any, error: object) -> None:
        self.reason = error

    def _on_blocked(self, _: Any, frame: Any) -> None:
        self.blocked = str(frame.method.reason) or "it is blocked"

    def _on_unblocked(self, *_: Any) -> None:
        self.blocked = ""


def dialled(address: Address, name: str, until: float, first: int = 0) -> tuple[Connection, int]:
    """An open connection to one of the servers, and which one it is.

    Args:
        address: where they are.
        name: shown by the server.
        until: monotonic moment at which it is given up; each server has its share of the time that is left.
        first: which one to try first.

    Raises:
        StoreUnavailable: none can be reached in time, or the last one does not let us in.
    """
    count = len(address.servers)
    error: Exception | None = None
    for turn in range(count):
        place = (first + turn) % count
        now = clock.monotonic()
        share = now + (until - now) / (count - turn)
        try:
            return _opened(address.servers[place], address, name, share), place
        except Exception as failure:  # the next one may be well
            error = failure
    assert error is not None
    raise error


def _opened(server: Server, address: Address, name: str, until: float) -> Connection:
    connection = Connection(server, address, name, until - clock.monotonic())
    try:
        while not connection.is_open:
            if connection.is_closed:
                reason = connection.reason if isinstance(connection.reason, Exception) else None
                raise not_opened(server, reason, heard=connection.spoken)
            left = until - clock.monotonic()
            if left <= 0:
                raise not_opened(server, TimeoutError("no connection before the deadline"))
            connection.step(left)
        connection.widen()
    except BaseException:
        connection.drop("it could not be opened")
        raise
    return connection


def _parameters(server: Server, address: Address, name: str, seconds: float) -> pika.ConnectionParameters:
    seconds = max(seconds, 0.001)
    tls = None if server.tls is None else pika.SSLOptions(server.tls.context(), server.host)
    plain = PlainCredentials(server.user, server.password, erase_on_connect=True)
    return pika.ConnectionParameters(
        host=server.host,
        port=server.port,
        virtual_host=server.vhost,
        credentials=ExternalCredentials() if address.external else plain,
        heartbeat=address.heartbeat,
        frame_max=frames.FRAME,
        ssl_options=tls,
        socket_timeout=seconds,
        stack_timeout=seconds,
        connection_attempts=1,
        tcp_options={"TCP_NODELAY": 1},
        client_properties={"connection_name": name, "product": "umbel"},
    )
