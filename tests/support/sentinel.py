"""A primary, a replica and three sentinels: what a highly available Redis is made of."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from .servers import Redis, end, free_port, program
from .until import until

NAME = "mymaster"


class Sentinels:
    """The five of them.

    Attributes:
        first, second: the servers; the first begins as the primary.
        url: as Celery spells it, all three sentinels.
        options: transport options for it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # One that is killed comes back with its data.
        quick = ("--repl-diskless-sync-delay", "0", "--appendonly", "yes")
        for name in ("first", "second", "watch"):
            (folder / name).mkdir()
        self.first = Redis(folder / "first", *quick)
        self.second = Redis(folder / "second", *quick)
        self.ports: list[int] = []
        self._watching: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return ";".join(f"sentinel://127.0.0.1:{port}" for port in self.ports)

    @property
    def options(self) -> dict[str, object]:
        return {"master_name": NAME}

    def start(self) -> Sentinels:
        """Start them and wait until each sentinel knows everybody: before that a failover would not happen."""
        self.first.start()
        self.second.start()
        ask(self.second.port, "REPLICAOF", "127.0.0.1", str(self.first.port))
        for number in range(3):
            self.ports.append(self._watch(number))
        until(lambda: all(map(self._complete, self.ports)), self._told, timeout=30)
        return self

    def primary(self) -> int:
        """Port of the server that the first sentinel calls the primary."""
        return int(ask(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split()[1])

    def has_replica(self, port: int) -> bool:
        """Whether the server of a port has a replica that is up to date enough to be waited for."""
        return "connected_slaves:1" in ask(port, "INFO", "replication") and "state=online" in ask(
            port, "INFO", "replication"
        )

    def stop(self) -> None:
        for popen in self._watching:
            end(popen, 9)
        self._watching = []
        self.second.stop()
        self.first.stop()

    def _watch(self, number: int) -> int:
        port = free_port()
        conf = self.folder / "watch" / f"{number}.conf"
        conf.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {conf.parent}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {self.first.port} 2\n"
            f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n"
        )
        with (self.folder / "watch" / f"{number}.log").open("ab") as log:
            command = [program("redis-server"), str(conf), "--sentinel"]
            self._watching.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        until(partial(ask, port, "PING"), "a sentinel that answers")
        return port

    def _complete(self, port: int) -> bool:
        said = ask(port, "INFO", "sentinel")
        return "slaves=1,sentinels=3" in said and "status=ok" in said and self.has_replica(self.first.port)

    def _told(self) -> str:
        return "\n".join(ask(port, "INFO", "sentinel") for port in self.ports)


def ask(port: int, *words: str) -> str:
    """What a server answers by its own program; empty when there is none."""
    command = [program("redis-cli", "redis-tools"), "-h", "127.0.0.1", "-p", str(port), *words]
    said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return said.stdout.strip() if said.returncode == 0 else ""


@contextlib.contextmanager
def sentinels(folder: Path) -> Iterator[Sentinels]:
    """Primary, replica and sentinels for the time of a ``with`` block."""
    made = Sentinels(folder)
    try:
        yield made.start()
    finally:
        made.stop()
        shutil.rmtree(folder / "watch", ignore_errors=True)
