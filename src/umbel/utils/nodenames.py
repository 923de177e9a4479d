"""Names of nodes, ``name@host``, by Celery's names for what makes and takes them apart."""

from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Callable
from typing import Any, Final

SEPARATOR: Final = "@"
DEFAULT: Final = "celery"
"""The name of a worker that has none of its own."""

_number = [0]


@functools.cache
def gethostname() -> str:
    """This machine's name."""
    return socket.gethostname()


def nodename(name: str, hostname: str) -> str:
    """A node's name out of its parts.

    Example:
        >>> nodename("w1", "example.org")
        'w1@example.org'
    """
    return f"{name}{SEPARATOR}{hostname}"


def nodesplit(name: str) -> tuple[None, str] | list[str]:
    """The name before the ``@``, None where there is none, and the host behind it.

    Example:
        >>> nodesplit("w1@example.org"), nodesplit("example.org")
        (['w1', 'example.org'], (None, 'example.org'))
    """
    before, found, behind = name.partition(SEPARATOR)
    return [before, behind] if found else (None, name)


def anon_nodename(hostname: str | None = None, prefix: str = "gen") -> str:
    """The name of this process, which is no worker: ``gen<pid>@<host>``."""
    return nodename(f"{prefix}{os.getpid()}", hostname or gethostname())


def default_nodename(hostname: str, default_name: str = DEFAULT) -> str:
    """A node's name with what it lacks.

    Args:
        hostname: a whole name, a host, or nothing.
        default_name: the part before the ``@`` where there is none.

    Example:
        >>> default_nodename("example.org"), default_nodename("w1@example.org")
        ('celery@example.org', 'w1@example.org')
    """
    name, host = nodesplit(hostname or "")
    return nodename(name or default_name, host or gethostname())


def number_process(number: int) -> None:
    """This process is a worker's child of that number, from 1; 0 for one that is none."""
    _number[0] = number


def node_format(s: str, name: str, **extra: Any) -> str:
    """A text with the parts of a node's name put in, see `host_format`; ``%p`` is the whole name.

    Example:
        >>> node_format("/var/log/%n%I.log", "w1@example.org")
        '/var/log/w1.log'
    """
    short, host = nodesplit(name)
    return host_format(s, host, short or DEFAULT, p=name, **extra)


def host_format(s: str, host: str | None = None, name: str | None = None, **extra: Any) -> str:
    """A text with the parts of a host's name put in.

    ``%h`` the host, ``%n`` the name before the @ (that of the host up to its first dot unless given), ``%d`` the
    domain, ``%i`` the number of the worker's child, 0 in others, ``%I`` the same behind a dash, nothing in others,
    ``%%`` a per cent sign.

    Args:
        s: the text.
        host: this machine's unless given.
        name: see above.
        extra: further letters, each with a text or a function that gives one.

    Raises:
        ValueError: a letter is none of these.

    Example:
        >>> host_format("%n of %d, 100%%", "a.example.org")
        'a of example.org, 100%'
    """
    host = host or gethostname()
    short, _, domain = host.partition(".")
    known: dict[str, str | Callable[[], str]] = {
        "h": host, "n": name or short, "d": domain, "i": str(_number[0]), "%": "%",
        "I": f"-{_number[0]}" if _number[0] else "", **extra,
    }  # fmt: skip

    def part(found: re.Match[str]) -> str:
        value = known.get(found[1])
        if value is None:
            raise ValueError(f"{s!r} has {found[0]}, which stands for nothing; write %% for a per cent sign.")
        return value() if callable(value) else value

    return re.sub(r"%([%\w])", part, s) if s else s
