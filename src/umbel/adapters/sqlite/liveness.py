"""Who is alive: each owner keeps one byte of ``<db>.owners`` locked; the system frees it the moment its process dies.

No renewal, no clock: a stopped or computing process keeps its lock. The byte's position is the owner's nonce.

These locks belong to the process and the file: closing *any* descriptor of the file drops them all. So the file is
opened once a process, here and nowhere else, and stays open while this process has an owner. Locks of one's own process
never conflict, so the owners of this process are also remembered here. A forked child has neither.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Final

from ...exceptions import StoreUnavailable, UnsupportedPlatform

if sys.platform != "win32":
    import fcntl

_guard: Final = threading.Lock()
_files: Final[dict[tuple[int, int], OwnersFile]] = {}


class OwnersFile:
    """The file of locks of one store, as this process holds it."""

    __slots__ = ("_fd", "_path", "mine")

    def __init__(self, path: str, fd: int) -> None:
        self._path = path
        self._fd = fd
        self.mine: set[int] = set()

    def lock(self, nonce: int) -> None:
        """Declare alive an owner of this process.

        Raises:
            StoreUnavailable: the system refused the lock.
        """
        with _guard:
            if nonce in self.mine or not self._try(nonce):
                raise StoreUnavailable(f"{self._path}: owner {nonce} is alive already; take a new nonce.")
            self.mine.add(nonce)

    def unlock(self, nonce: int) -> None:
        with _guard:
            if nonce in self.mine:
                self.mine.discard(nonce)
                fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, nonce, os.SEEK_SET)

    def alive(self, nonce: int) -> bool:
        """Whether some process holds that byte."""
        with _guard:
            if nonce in self.mine:
                return True
            if not self._try(nonce):
                return True
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, nonce, os.SEEK_SET)
            return False

    def _try(self, nonce: int) -> bool:
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, nonce, os.SEEK_SET)
        except (BlockingIOError, PermissionError):
            return False
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be locked ({error.strerror}).") from error
        return True


def owners_file(path: str) -> OwnersFile:
    """The file of locks of the store at ``path``, opened once in this process."""
    if sys.platform == "win32":
        raise UnsupportedPlatform("A worker on SQLite needs Linux or macOS; here tasks can only be sent.")
    name = path + ".owners"
    with _guard:
        try:
            found = os.stat(name)  # noqa: PTH116
            known = _files.get((found.st_dev, found.st_ino))
            if known is not None:
                return known
        except FileNotFoundError:
            pass
        try:
            Path(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a worker may be the store's first user
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{name} cannot be opened ({error.strerror}). Check its permissions.") from error
        status = os.fstat(fd)
        return _files.setdefault((status.st_dev, status.st_ino), OwnersFile(name, fd))


def _after_fork() -> None:
    """The parent's locks are not the child's; closing the inherited descriptors drops nothing of the parent's."""
    for file in _files.values():
        os.close(file._fd)  # noqa: SLF001
    _files.clear()
    if _guard.locked():
        _guard.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_after_fork)
