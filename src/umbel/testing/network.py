"""A bad network on demand: stands in front of a server and does to its connections what real ones suffer.

Bytes pass through until a fault is asked for. A *request* is what a client sends until the server says something: the
unit that `cut` counts.

    cut       the connection ends when the server has answered a request, and the answer is lost with it
    stall     half open: bytes are accepted, nothing passes, nobody is told, not even after `heal`
    hold      nothing passes until `heal`, then everything does, as after a short loss of packets
    slow      answers come late, or a byte at a time
    drop      every connection ends now
    refuse    nobody listens
    heal      the end of all of them

Example:
    >>> import socket
    >>> with socket.create_server(("127.0.0.1", 0)) as server, Network(server.getsockname()[1]) as network:
    ...     network.url("redis://user:secret@localhost:6379/0").endswith(f"@127.0.0.1:{network.port}/0")
    True
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urlsplit

_CHUNK: Final = 1 << 16
_PATIENCE: Final = 5.0

When = Literal["reply", "request"]


@dataclass
class _Cut:
    containing: bytes
    nth: int
    times: int | None
    chance: float
    when: When


class Network:
    """Forwards connections to a server, in threads of its own.

    Args:
        port: TCP port of the server.
        host: of the server.
        seed: of the choices of a `cut` with a chance.

    Attributes:
        port: where clients connect, on 127.0.0.1.
        accepted: connections so far.
        requests: requests so far.
        cuts: connections that a `cut` has ended so far.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", *, seed: int = 0) -> None:
        self._server = (host, port)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._cuts: list[_Cut] = []
        self._pairs: set[_Pair] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._over = threading.Event()
        self._stalled = False
        self._delay = self._byte = 0.0
        self.accepted = self.requests = self.cuts = 0
        self.port = 0
        self._listen()

    def url(self, of: str) -> str:
        """The URL of the server, leading through here instead."""
        parts = urlsplit(of)
        user = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{user}{'@' if user else ''}127.0.0.1:{self.port}").geturl()

    def cut(
        self, *, containing: bytes = b"", nth: int = 1, times: int | None = 1, chance: float = 1.0,
        when: When = "reply",
    ) -> None:  # fmt: skip
        """End a connection around a request.

        Args:
            containing: only requests with these bytes count.
            nth: the first of them that is cut, from 1.
            times: how many are cut from there on; None: all.
            chance: how likely each of these is, from 0 to 1; those that are spared do not count.
            when: "reply": the server has answered, so it was done, and nobody is told; "request": before it arrived.
        """
        with self._lock:
            self._cuts.append(_Cut(containing, nth, times, chance, when))

    def stall(self) -> None:
        """From now on connections, old and new, are half open. Those stay so; `heal` is for later ones."""
        with self._lock:
            self._stalled = True
            for pair in self._pairs:
                pair.dead = True

    def hold(self) -> None:
        """Keep back what is sent, in both directions, until `heal`."""
        self._flowing.clear()

    def slow(self, *, delay: float = 0.0, byte_every: float = 0.0) -> None:
        """Answers take time.

        Args:
            delay: seconds before each piece.
            byte_every: seconds before each byte.
        """
        self._delay, self._byte = delay, byte_every

    def drop(self) -> None:
        """End every connection now."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.end()

    def refuse(self) -> None:
        """End every connection, and listen no more until `heal`."""
        self._deafen()
        self.drop()

    def heal(self) -> None:
        """Everything passes again; what is half open stays so."""
        with self._lock:
            self._cuts.clear()
            self._stalled = False
        self._delay = self._byte = 0.0
        self._flowing.set()
        if self._listener is None:
            self._listen()

    @property
    def open(self) -> int:
        """Connections that are open now."""
        with self._lock:
            return len(self._pairs)

    def close(self) -> None:
        """End everything and wait for the threads; safe to repeat."""
        self._over.set()
        self._flowing.set()
        self.refuse()
        for thread in [thread for pair in list(self._pairs) for thread in pair.threads]:
            thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> None:
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self._stop_read, self._stop_write = os.pipe()
        arguments = (self._listener, self._stop_read)
        self._acceptor = threading.Thread(target=self._accept, args=arguments, name="network", daemon=True)
        self._acceptor.start()

    def _deafen(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            os.close(self._stop_write)
            self._acceptor.join(_PATIENCE)
            os.close(self._stop_read)
            listener.close()

    def _accept(self, listener: socket.socket, stop: int) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(stop, select.POLLIN | select.POLLHUP)
        while not any(descriptor == stop for descriptor, _ in poll.poll()):
            client, _ = listener.accept()
            with self._lock:
                self.accepted += 1
                pair = _Pair(self, client, dead=self._stalled)
                self._pairs.add(pair)
            pair.start(self._server)

    # Called by the pairs' threads.

    def judged(self, data: bytes) -> When | None:
        """Count a request, and say what becomes of its connection."""
        with self._lock:
            self.requests += 1
            for cut in self._cuts:
                if cut.times == 0 or cut.containing not in data:
                    continue
                cut.nth -= 1
                if cut.nth > 0 or self._random.random() >= cut.chance:
                    continue
                if cut.times is not None:
                    cut.times -= 1
                return cut.when
        return None

    def passed(self) -> bool:
        """Wait while everything is held; False when all is over."""
        self._flowing.wait()
        return not self._over.is_set()

    def pieces(self, data: bytes) -> list[bytes]:
        """What is passed on in one go."""
        return [data[at : at + 1] for at in range(len(data))] if self._byte else [data]

    def pause(self) -> None:
        """Before each piece."""
        if self._delay or self._byte:
            self._over.wait(self._delay + self._byte)

    def counted(self) -> None:
        """A connection was cut."""
        with self._lock:
            self.cuts += 1

    def forget(self, pair: _Pair) -> None:
        """It is closed."""
        with self._lock:
            self._pairs.discard(pair)


class _Pair:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, network: Network, client: socket.socket, *, dead: bool) -> None:
        self._network = network
        self._client = client
        self._server: socket.socket | None = None
        self._asking = False
        self._doomed = self._ended = False
        self.dead = dead
        self.threads: list[threading.Thread] = []

    def start(self, server: tuple[str, int]) -> None:
        """Connect, and forward in both directions."""
        try:
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self.dead:
                self._server = socket.create_connection(server, _PATIENCE)
                self._server.settimeout(None)
                self._server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # the server is away, or the connection was ended meanwhile
            self.end()
            return
        jobs = [self._requests] if self._server is None else [self._requests, self._replies]
        self.threads = [threading.Thread(target=job, name="network-pair", daemon=True) for job in jobs]
        for thread in self.threads:
            thread.start()
        if self._ended:
            self.end()

    def end(self) -> None:
        """Close both sides; whoever waits on them wakes up."""
        self._ended = True
        for side in (self._client, self._server):
            if side is not None:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()
        self._network.forget(self)

    def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(_CHUNK):
                if not self._network.passed():
                    break
                if self.dead or self._server is None:
                    continue
                fate = self._fate(data)
                if fate == "request":
                    self._network.counted()
                    break
                self._doomed = self._doomed or fate == "reply"
                self._server.sendall(data)
        self.end()

    def _fate(self, data: bytes) -> When | None:
        """What becomes of this connection; asked once a request, with its first bytes."""
        if self._asking:
            return None
        self._asking = True
        return self._network.judged(data)

    def _replies(self) -> None:
        assert self._server is not None
        with contextlib.suppress(OSError):
            while data := self._server.recv(_CHUNK):
                if not self._network.passed():
                    break
                self._asking = False
                if self._doomed:
                    self._network.counted()
                    break
                for piece in self._network.pieces(data):
                    self._network.pause()
                    if not self.dead:
                        self._client.sendall(piece)
        self.end()
