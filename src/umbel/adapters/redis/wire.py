"""One connection to a server: bytes out, replies in, and a deadline over all of it.

The socket never blocks by itself: each wait is a poll for what is left until the moment that the caller names, so a
server that sends a byte a second cannot stretch a call. Replies are parsed by hiredis. There is no client library in
between, for two reasons that were measured: importing redis-py takes 110 ms, hiredis 0.6 ms, in each process that
starts; and its time-outs count from each single read.

Resolving a name is the one step that the system cannot bound. It runs in a thread of its own, which is left behind when
the deadline passes.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis

from ... import clock
from .address import NO_DATABASE, Address
from .faults import Closed, Foreign, foreign, refused, unanswered, unreachable

NOTHING: Final = object()
"""What `Wire.receive` returns when no reply came before the moment, or before the caller's descriptor was readable."""

Word = bytes | str | int | float
"""What a command is made of."""

packed = cast("Callable[[tuple[Word, ...]], bytes]", hiredis.pack_command)
"""One command as it is sent. (The library's own annotation allows one word only.)"""

_READ: Final = 1 << 18
_LATE: Final = "no answer before the deadline"
_WANTS: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Resolved = tuple[int, Any]

_wires: Final[weakref.WeakSet[Wire]] = weakref.WeakSet()


class Wire:
    """An open connection; whoever sends a command reads its reply.

    Args:
        address: of the server.
        until: monotonic moment at which opening is given up.

    Raises:
        StoreUnavailable: it cannot be reached, or does not let us in.
    """

    def __init__(self, address: Address, until: float) -> None:
        self._address = address
        self._reader = hiredis.Reader(notEnoughData=NOTHING)
        self._socket = _connected(address, until)
        _wires.add(self)
        try:
            if address.tls is not None:
                self._socket = self._secured(address.tls.context(), until)
            self._greet(until)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def fresh(self) -> bool:
        """Whether it is open and nobody has sent anything since the last reply. Costs a microsecond."""
        try:
            self._socket.recv(1)
        except _WANTS:
            return True
        except OSError:
            return False
        return False

    def send(self, data: bytes, until: float) -> None:
        """Send packed commands.

        Raises:
            Closed: the connection is lost; ``sent`` is False when nothing left this side.
            Unanswered: not all of it could be sent before the deadline.
        """
        view = memoryview(data)
        done = 0
        while done < len(data):
            try:
                done += self._socket.send(view[done:])
            except _WANTS:
                if not self._ready(select.POLLIN | select.POLLOUT if self._is_tls() else select.POLLOUT, until):
                    raise unanswered(self._address, _LATE) from None
            except OSError as error:
                raise Closed(f"{self._address} closed the connection ({error}).", sent=done > 0) from error

    def receive(self, until: float, wake: int = -1) -> Any:
        """The next reply; an error reply is returned, not raised.

        Args:
            until: monotonic moment at which waiting ends.
            wake: a descriptor that ends it as soon as it is readable.

        Returns:
            the reply, or `NOTHING`.

        Raises:
            Closed: the connection is lost.
        """
        while True:
            try:
                reply = self._reader.gets()
            except hiredis.ProtocolError as error:
                raise Foreign(f"What listens at {self._address} does not speak Redis's protocol.", sent=True) from error
            if reply is not NOTHING:
                return reply
            try:
                data = self._socket.recv(_READ)
            except _WANTS:
                if not self._ready(select.POLLIN, until, wake):
                    return NOTHING
                continue
            except OSError as error:
                raise Closed(f"{self._address} closed the connection ({error}).", sent=True) from error
            if not data:
                raise Closed(f"{self._address} closed the connection.", sent=True)
            self._reader.feed(data)

    def ask(self, command: tuple[Word, ...], until: float) -> Any:
        """Send one command that changes nothing, and read its reply; an error reply is returned, not raised.

        Raises:
            Unreachable: there was no answer before the moment.
        """
        try:
            self.send(packed(command), until)
            reply = self.receive(until)
        except (Closed, TimeoutError) as error:
            raise unreachable(self._address, error) from error
        if reply is NOTHING:
            raise unreachable(self._address, _LATE)
        return reply

    def close(self) -> None:
        """Close our end. After a fork this does not disturb the other process: nothing is sent."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _is_tls(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def _ready(self, events: int, until: float, wake: int = -1) -> bool:
        """Wait for the socket; False when the moment came or ``wake`` is readable before it is ready."""
        poll = select.poll()
        poll.register(self._socket, events)
        if wake >= 0:
            poll.register(wake, select.POLLIN)
        own = self._socket.fileno()
        return any(fd == own for fd, _ in poll.poll(_milliseconds(until)))

    def _secured(self, context: ssl.SSLContext, until: float) -> ssl.SSLSocket:
        wrapped = context.wrap_socket(self._socket, server_hostname=self._address.host, do_handshake_on_connect=False)
        self._socket = wrapped
        while True:
            try:
                wrapped.do_handshake()
                return wrapped
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            except OSError as error:  # a refused certificate among them
                raise unreachable(self._address, f"TLS: {error}") from error
            if not self._ready(event, until):
                raise unreachable(self._address, f"TLS: {_LATE}; perhaps this port speaks none: redis://")

    def _greet(self, until: float) -> None:
        """Say who we are and which database is meant, in one round trip."""
        address = self._address
        commands: list[tuple[Word, ...]] = []
        if address.password is not None:
            commands.append(("AUTH", *([address.username] if address.username else []), address.password))
        if address.db != NO_DATABASE:
            commands.append(("SELECT", address.db))
        commands.append(("CLIENT", "SETNAME", "umbel"))
        try:
            self.send(b"".join(map(packed, commands)), until)
            replies = [self.receive(until) for _ in commands]
        except Foreign as error:
            raise foreign(address) from error
        except (Closed, TimeoutError) as error:
            raise unreachable(address, error) from error
        if NOTHING in replies:
            raise unreachable(address, _LATE)
        for reply in replies[:-1]:  # a name is for `CLIENT LIST`; a user who may not set it needs none
            if isinstance(reply, Exception):
                raise refused(reply, address)


def _connected(address: Address, until: float) -> socket.socket:
    """A socket to the first of the host's addresses that answers; one that is silent does not use up all the time."""
    reason: object = _LATE
    places = _resolved(address, until)
    for number, (family, place) in enumerate(places):
        now = clock.monotonic()
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            if family != socket.AF_UNIX:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _keep_alive(made)
            _reach(made, place, now + (until - now) / (len(places) - number))
        except OSError as error:
            made.close()
            reason = error.strerror or error
            continue
        return made
    raise unreachable(address, reason)


def _keep_alive(made: socket.socket) -> None:
    """Have the system ask for a sign of life, often enough for gateways that forget what is silent for a minute."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, number in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), number)


def _reach(made: socket.socket, place: Any, until: float) -> None:
    try:
        made.connect(place)
        return
    except BlockingIOError:
        pass
    poll = select.poll()
    poll.register(made, select.POLLOUT)
    if not poll.poll(_milliseconds(until)):
        raise TimeoutError(_LATE)
    number = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def _milliseconds(until: float) -> int:
    """Rounded up, so that a wait never ends before its moment and is then begun again and again."""
    return max(0, math.ceil((until - clock.monotonic()) * 1000))


def _resolved(address: Address, until: float) -> list[Resolved]:
    """Where to connect, in the order to try."""
    if address.path:
        return [(socket.AF_UNIX, address.path)]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return _asked(address, until)
    return [(family, place) for family, _, _, _, place in found]


def _asked(address: Address, until: float) -> list[Resolved]:
    """The addresses of a name, as the system's resolver gives them."""
    answer: list[list[Resolved] | OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            answer.append([(family, place) for family, _, _, _, place in found])
        except OSError as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name="umbel-resolver", daemon=True)
    thread.start()
    thread.join(max(0.0, until - clock.monotonic()))
    if not answer:
        raise unreachable(address, f"its name was not resolved: {_LATE}")
    if isinstance(answer[0], OSError):
        raise unreachable(address, f"its name was not resolved: {answer[0].strerror}") from answer[0]
    return answer[0]


def _leave() -> None:
    """In a forked child: the parent's connections are closed on this side, and whoever had one finds it closed."""
    for wire in list(_wires):
        wire.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)
