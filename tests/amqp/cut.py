"""Breaking connections as networks do."""

from __future__ import annotations

import os
import socket


def cut(link):
    """End the link's TCP connection under its feet."""
    (descriptor,) = link._connection._loop._handlers
    with socket.socket(fileno=os.dup(descriptor)) as other:
        other.shutdown(socket.SHUT_RDWR)
