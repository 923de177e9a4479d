"""Real servers for tests: each on a private port of 127.0.0.1, in its own folder, stopped by its pid.

A program that is not installed is a visible skip on a laptop. With UMBEL_REQUIRE_SERVICES=1, as in CI, it is a failure.
Redis is here; larger ones have a file each beside this one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from .until import until


def required() -> bool:
    """Whether a missing service is a failure."""
    return os.environ.get("UMBEL_REQUIRE_SERVICES", "") not in ("", "0")


def program(name: str, package: str = "") -> str:
    """Path of a server's program; without it the test is skipped, or fails where services are required."""
    found = shutil.which(name)
    if found is None:
        sentence = f"{name} is not installed; type: sudo apt-get install {package or name}"
        if required():
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return found


def free_port() -> int:
    """A port that nobody listens on now; somebody may before it is used, so its user tries again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(popen: subprocess.Popen[bytes], number: int, *, group: bool = False) -> None:
    """Send a signal to a process, or to its group, and wait; after 20 s without an end it is killed."""
    tell = partial(os.killpg if group else os.kill, popen.pid)
    if popen.poll() is None:
        tell(number)
    try:
        popen.wait(20)
    except subprocess.TimeoutExpired:
        tell(signal.SIGKILL)
        popen.wait()


class Redis:
    """One redis-server without persistence.

    Attributes:
        port: TCP port on 127.0.0.1.
        socket: path of its unix socket.
        url: for clients.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self._command = [
            program("redis-server"),
            "--bind",
            "127.0.0.1",
            "--unixsocket",
            str(self.socket),
            "--dir",
            str(folder),
        ]
        self._command += ["--save", "", "--appendonly", "no", "--daemonize", "no", *options]
        self._popen: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._popen is not None, "the server was not started"
        return self._popen.pid

    @property
    def runs(self) -> bool:
        """Whether it was started and neither stopped nor killed since."""
        return self._popen is not None

    def start(self) -> Redis:
        """Start it (again, on the port it had) and wait until it answers."""
        for _ in range(5):  # somebody else may take the port between our look and its bind
            port = self.port or free_port()
            with (self.folder / "redis.log").open("ab") as log:
                self._popen = subprocess.Popen(
                    [*self._command, "--port", str(port)], stdout=log, stderr=log, start_new_session=True
                )
            if until(partial(self._up, port), self.log) == "answers":
                self.port = port
                return self
        raise AssertionError(f"redis-server does not start:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "redis.log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it and wait; harmless when it is not running."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._popen is not None:
            end(self._popen, number)
        self._popen = None

    def _up(self, port: int) -> str:
        """Whether it ``answers`` or has ``ended``; empty while neither is true."""
        if self._popen is None or self._popen.poll() is not None:
            return "ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return "answers" if connection.recv(16).startswith(b"+PONG") else ""
        return ""


@contextlib.contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[Redis]:
    """A redis-server for the time of a ``with`` block."""
    server = Redis(folder, *options)
    try:
        yield server.start()
    finally:
        server.stop()
