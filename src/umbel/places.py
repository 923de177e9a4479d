"""Where files are kept, and what a worker is called. It loads nothing, because every probe of a worker asks it."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path


def state_dir() -> Path:
    """The directory for files that outlive a process: stores without a URL, worker's health files.

    ``UMBEL_STATE_DIR``, else ``~/Library/Application Support/umbel`` on macOS, else ``$XDG_STATE_HOME/umbel``, else
    ``~/.local/state/umbel``. It is not created here.
    """
    chosen = os.environ.get("UMBEL_STATE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "umbel"
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The specification asks to ignore a relative path.
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "umbel"


def heartbeat_file(node: str) -> Path:
    """Where the worker of this node name writes its heartbeat."""
    return state_dir() / "run" / f"{node}.health"


def node_name(wanted: str | None) -> str:
    """Expand Celery's ``%h %n %d %%`` and complete a bare name with the host.

    Example:
        >>> node_name("w1@example")
        'w1@example'
    """
    host = socket.gethostname()
    name = expand(wanted or "celery@%h", f"{host.partition('.')[0]}@{host}")
    return name if "@" in name else f"{name}@{host}"


def expand(text: str, node: str) -> str:
    """Replace ``%h`` (host), ``%n`` (name before the @), ``%p`` (whole node name), ``%d`` (domain), ``%i`` (pid).

    Example:
        >>> expand("/var/log/%n%I.log", "w1@example.org")
        '/var/log/w1.log'
    """
    name, _, host = node.partition("@")
    domain = socket.gethostname().partition(".")[2]
    known = {"%h": host, "%n": name, "%d": domain, "%i": str(os.getpid()), "%I": "", "%p": node, "%%": "%"}
    return re.sub("%[hndiIp%]", lambda found: known[found[0]], text)
