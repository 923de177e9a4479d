"""Reading from a socket pair whose other end belongs to a process that may be killed at any moment."""

from __future__ import annotations

import socket

WORDS = 4096
"""Most bytes of one reading."""


def heard(pipe: socket.socket) -> bytes:
    """What the process at the other end has said; empty when it is gone.

    A process that dies before it has read what was sent to it resets the connection: that is an end like any other.
    """
    try:
        return pipe.recv(WORDS)
    except OSError:
        return b""
