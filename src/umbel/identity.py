"""Who sends: the names of this process and thread as messages carry them, never the same after a fork."""

from __future__ import annotations

import os
import platform
import threading
import uuid


class _Thread(threading.local):
    oid: str = ""


class _Process:
    """Names of this process, made when they are first needed."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.origin = ""
        self.thread = _Thread()


_process = _Process()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forget)


def origin() -> str:
    """``gen<pid>@<host>``, the header of that name."""
    if not _process.origin:
        _process.origin = f"gen{os.getpid()}@{platform.node()}"
    return _process.origin


def thread_oid() -> str:
    """An id of this thread of this process, the property ``reply_to``: the text of a version 3 UUID."""
    thread = _process.thread
    if not thread.oid:
        name = f"{platform.node()}-{os.getpid()}-{threading.get_ident()}-{id(thread)}"
        thread.oid = str(uuid.uuid3(uuid.NAMESPACE_OID, name))
    return thread.oid
