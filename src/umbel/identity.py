"""Who sends: the names of this process as messages carry them, never the same after a fork."""

from __future__ import annotations

import os
import platform
import secrets
import uuid


class _Process:
    """Names of this process, made when they are first needed."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.origin = ""
        self.oid: dict[str, str] = {}


_process = _Process()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forget)


def origin() -> str:
    """``gen<pid>@<host>``, the header of that name."""
    if not _process.origin:
        _process.origin = f"gen{os.getpid()}@{platform.node()}"
    return _process.origin


def oid() -> str:
    """An id of this process, the property ``reply_to``: the text of a version 3 UUID.

    Celery has one for each thread. A process that reads its results in one place needs one only, and any thread may
    then wait for what another one has sent.
    """
    known = _process.oid.get("")
    if known is None:
        # two containers can have the same name and number their processes alike
        name = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(16)}"
        known = _process.oid.setdefault("", str(uuid.uuid3(uuid.NAMESPACE_OID, name)))  # one, if threads come at once
    return known
