"""A store in a fresh folder, for the conformance suites and the tests of this room."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import tempfile
from pathlib import Path

import msgspec

from umbel.adapters.sqlite import open_backend, open_broker
from umbel.adapters.sqlite.statements import named


class SqliteLab:
    """One file in a folder of its own.

    An owner lives by a lock of another kind than the store's own (of the open file, not of the process), so that one
    process can hold many and lose each by itself, exactly as the system would free it. Real processes that are really
    killed have their own tests.
    """

    patience = 5.0
    histories = 20
    many = 3000

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="umbel-"))
        self.path = self.folder / "store.db"
        self.url = f"sqlite:///{self.path}"
        self._locks = {}

    def broker(self, **options):
        return open_broker(self.url, options)

    def backend(self, **options):
        return open_backend(self.url, options)

    def enlist(self, owner):
        fd = os.open(f"{self.path}.owners", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, owner.nonce, 1, 0))
        self._locks[owner.nonce] = fd
        owners = self.broker().owners()
        owners._link.write(
            named("owner.sql")["enlist"],
            (owner.nonce, owner.node, owner.pid, owner.role, owner.since, msgspec.json.encode(owner.info).decode()),
        )
        owners.close()

    def kill(self, owner):
        fd = self._locks.pop(owner.nonce, None)
        if fd is not None:
            os.close(fd)

    def fresh(self):
        return SqliteLab()

    def close(self):
        for fd in self._locks.values():
            os.close(fd)
        shutil.rmtree(self.folder)
