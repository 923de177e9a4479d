"""A cluster of four servers: three masters, and a replica of the one that has the default store of umbel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.slots import SLOTS, slot, tagged

from .servers import Redis, free_port
from .until import until

STORE = slot(tagged(""))
"""The slot of a store without a prefix of its own."""

_BOUNDS = [(number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1) for number in range(3)]


class Cluster:
    """The four of them.

    Attributes:
        masters: the servers that began as masters, the slots of each after those of the one before.
        replica: of the one that has the slot `STORE`.
    """

    def __init__(self, folder: Path) -> None:
        self.masters = [_node(folder / f"master{number}") for number in range(3)]
        self.replica = _node(folder / "replica")

    @property
    def servers(self) -> list[Redis]:
        return [*self.masters, self.replica]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def start(self) -> Cluster:
        """Start them and wait until everybody knows everybody and the replica has what its master has."""
        for server in self.servers:
            server.start()
        for number, (server, (first, last)) in enumerate(zip(self.masters, _BOUNDS, strict=True)):
            ask(server, "CLUSTER", "ADDSLOTSRANGE", first, last)
            ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in self.servers:
            for other in self.servers:
                if other is not server:
                    ask(server, "CLUSTER", "MEET", "127.0.0.1", other.port, bus_of(other))
        until(lambda: all(map(self._knows_all, self.servers)), self.told, timeout=30)
        ask(self.replica, "CLUSTER", "REPLICATE", id_of(self.master_of(STORE)))
        until(self.is_whole, self.told, timeout=30)
        return self

    def master_of(self, number: int) -> Redis:
        """The server that serves a slot; waits until all of those that run say the same."""
        return until(lambda: self._agreed(number), self.told, timeout=30)

    def masters_now(self) -> list[Redis]:
        """Those that serve slots."""
        return [server for server in self.servers if "role:master" in said(server, "INFO", "replication")]

    def is_whole(self) -> bool:
        """Whether all slots are served, everybody agrees by whom, and the default store has a replica that follows."""
        for server in self.servers:
            if "cluster_state:ok" not in said(server, "CLUSTER", "INFO"):
                return False
        if self._agreed(STORE) is None:
            return False
        told = said(self.master_of(STORE), "INFO", "replication")
        return "connected_slaves:1" in told and "state=online" in told

    def move(self, number: int, target: Redis) -> Iterator[str]:
        """Move a slot as an operator's tool does, step by step: yields "begun", then "moved" behind each bunch of keys,
        and "over".
        """
        source = self.master_of(number)
        ask(target, "CLUSTER", "SETSLOT", number, "IMPORTING", id_of(source))
        ask(source, "CLUSTER", "SETSLOT", number, "MIGRATING", id_of(target))
        yield "begun"
        while keys := ask(source, "CLUSTER", "GETKEYSINSLOT", number, 10):
            ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            yield "moved"
        for server in (target, source):
            ask(server, "CLUSTER", "SETSLOT", number, "NODE", id_of(target))
        yield "over"

    def told(self) -> str:
        """What each of them says about all."""
        return "\n\n".join(said(server, "CLUSTER", "NODES") for server in self.servers if server.runs)

    def stop(self) -> None:
        for server in self.servers:
            server.kill()

    def _knows_all(self, server: Redis) -> bool:
        lines = said(server, "CLUSTER", "NODES").splitlines()
        return len(lines) == len(self.servers) and not any("handshake" in line for line in lines)

    def _agreed(self, number: int) -> Redis | None:
        places = {self._place(server, number) for server in self.servers if server.runs}
        return next((server for server in self.servers if places == {server.port}), None)

    def _place(self, server: Redis, number: int) -> int:
        for first, last, (_, port, *_), *_ in ask(server, "CLUSTER", "SLOTS"):
            if first <= number <= last:
                return int(port)
        return 0


def _node(folder: Path) -> Redis:
    folder.mkdir()
    return Redis(
        folder, "--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "2000",
        "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0",
    )  # fmt: skip


def ask(server: Redis, *words: object) -> object:
    """What one server answers."""
    link = Link(Address.parse(server.url, {}))
    try:
        return link.call(*(word if isinstance(word, bytes) else str(word) for word in words), timeout=15)
    finally:
        link.close()


def said(server: Redis, *words: object) -> str:
    """The same as text."""
    told = ask(server, *words)
    assert isinstance(told, bytes)
    return told.decode()


def id_of(server: Redis) -> str:
    return said(server, "CLUSTER", "MYID")


def bus_of(server: Redis) -> int:
    """The port at which the nodes speak to each other."""
    told = ask(server, "CONFIG", "GET", "cluster-port")
    assert isinstance(told, list)
    return int(told[1])


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Four servers for the time of a ``with`` block."""
    made = Cluster(folder)
    try:
        yield made.start()
    finally:
        made.stop()
