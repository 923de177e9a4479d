"""A real PostgreSQL for tests: on a private port, in its own folder, not durable, ended by pid."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from .servers import end, free_port, program
from .until import until

PASSWORD = "s3cret"
"""Of the user ``svc``; a test may look for it where it must not be."""

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
fsync = off
full_page_writes = off
shared_buffers = 64MB
max_connections = 50
"""


class Postgres:
    """One server. As root it runs as the user ``postgres``, because it refuses to be root.

    Attributes:
        port: TCP port on 127.0.0.1, the same after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._bin = Path(
            program(str((found or [Path("/usr/lib/postgresql/bin")])[-1] / "postgres"), "postgresql")
        ).parent
        self._user = "postgres" if os.geteuid() == 0 else None
        self._popen: subprocess.Popen[bytes] | None = None
        self._databases = count()
        self.port = 0

    @property
    def pid(self) -> int:
        assert self._popen is not None, "the server was not started"
        return self._popen.pid

    def url(self, database: str = "postgres", scheme: str = "postgresql+psycopg") -> str:
        """URL of a database, for clients."""
        return f"{scheme}://svc:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def database(self, scheme: str = "postgresql+psycopg") -> str:
        """Create an empty database, in some ten milliseconds; returns its URL."""
        name = f"place{next(self._databases)}"
        self.sql(f"CREATE DATABASE {name} STRATEGY file_copy")
        return self.url(name, scheme)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement; returns what it prints."""
        command = [str(self._bin / "psql"), "-XAt", "-v", "ON_ERROR_STOP=1", "-c", statement]
        env = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "svc", "PGPASSWORD": PASSWORD}
        done = subprocess.run(
            command, env={**env, "PGDATABASE": database}, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, f"{statement}: {done.stderr}"
        return done.stdout.strip()

    def start(self) -> Postgres:
        """Start it (again, on the port it had) and wait until it takes connections."""
        if not (self.folder / "data").exists():
            self._create()
        for _ in range(5):  # somebody else may take the port between our look and its bind
            port = self.port or free_port()
            with (self.folder / "postgres.log").open("ab") as log:
                self._popen = subprocess.Popen(
                    [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(port)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, user=self._user,
                    group=self._user, extra_groups=[] if self._user else None, cwd=self.folder,
                )  # fmt: skip
            if until(partial(self._up, port), self.log, timeout=60) == "answers":
                self.port = port
                return self
        raise AssertionError(f"PostgreSQL does not start:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "postgres.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def kill(self) -> None:
        """SIGKILL to all of it, as a crash would be."""
        if self._popen is not None:
            sessions = self._sessions()  # each is a group of its own, and may be frozen
            end(self._popen, signal.SIGKILL)
            for pid in sessions:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._popen = None

    def stop(self) -> None:
        """End it at once and in order: sessions are cut; harmless when it is not running."""
        if self._popen is not None:
            end(self._popen, signal.SIGINT)
        self._popen = None

    def freeze(self, frozen: bool = True) -> None:
        """Stop all of its processes where they are, or let them go on."""
        number = signal.SIGSTOP if frozen else signal.SIGCONT
        for pid in [self.pid, *self._sessions()]:
            with contextlib.suppress(ProcessLookupError):  # a session ends when its client goes
                os.kill(pid, number)

    def _sessions(self) -> list[int]:
        with contextlib.suppress(OSError):  # it may have ended by itself
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
            return [int(pid) for pid in children.split()]
        return []

    def _create(self) -> None:
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="ascii")
        password.chmod(0o644)
        done = subprocess.run(
            [str(self._bin / "initdb"), "-D", str(self.folder / "data"), "-U", "svc", f"--pwfile={password}",
             "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            user=self._user, group=self._user, extra_groups=[] if self._user else None, cwd=self.folder,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS.format(folder=self.folder))

    def _up(self, port: int) -> str:
        """Whether it ``answers`` or has ``ended``; empty while neither is true."""
        if self._popen is None or self._popen.poll() is not None:
            return "ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            words = b"user\0svc\0database\0postgres\0\0"
            connection.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
            return "answers" if connection.recv(1) == b"R" else ""  # it asks for the password; before, it says why not
        return ""


@contextlib.contextmanager
def postgresql_server() -> Iterator[Postgres]:
    """A server for the time of a ``with`` block. Its folder is not pytest's: another user must be able to enter it."""
    folder = Path(tempfile.mkdtemp(prefix="umbel-postgres-"))
    server = Postgres(folder)
    try:
        yield server.start()
    finally:
        server.kill()  # nobody needs what it has stored
        shutil.rmtree(folder)
