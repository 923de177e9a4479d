"""Servers that a contestant needs beside its worker: on free ports, in the run's folder, ended by pid."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import Died, Process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[tuple[str, Process]]:
    """A Redis server of our own on a free port, without persistence: its URL and its process; ended by pid."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit(
            "redis-server is missing: apt-get install -y redis-server, or name who needs none: --only umbel,huey,bare"
        )
    argv = [program, "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no", "--port"]
    port, server = _started(argv, folder / "redis.log")
    try:
        yield f"redis://127.0.0.1:{port}/0", server
    finally:
        server.stop()


def _started(argv: list[str], log: Path) -> tuple[int, Process]:
    """The server on a free port; somebody else may take it between our look and its bind, so there are three tries."""
    for left in (2, 1, 0):
        port = _free_port()
        server = Process([*argv, str(port)], {}, log)
        try:
            _await_port(server, port)
            return port, server
        except Died:
            if not left:
                raise
    raise AssertionError("the last try returned or raised")


def _await_port(server: Process, port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        server.check()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            server.stop()
            raise TimeoutError("redis-server did not open its port within 10 s")
        time.sleep(0.02)
