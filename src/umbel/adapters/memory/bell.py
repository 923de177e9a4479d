"""The bell: wakes one thread that sleeps until something happens or a file descriptor becomes readable."""

from __future__ import annotations

import selectors
import socket


class Bell:
    """One sleeper's bell. A ring while its owner is awake is kept for its next sleep, so none is lost.

    A pair of sockets and not a condition variable: the sleeper also listens to a file descriptor of its caller, and
    the operating system waits for descriptors only.
    """

    def __init__(self) -> None:
        self._ear, self._rope = socket.socketpair()
        self._ear.setblocking(False)
        self._rope.setblocking(False)

    def ring(self) -> None:
        """Wake the sleeper; safe from any thread."""
        try:
            self._rope.send(b"!")
        except BlockingIOError:
            return  # full of rings that nobody has heard yet: one more says nothing new

    def sleep(self, timeout: float, wake: int = -1) -> bool:
        """Sleep until the bell rings (True), or ``wake`` is readable or ``timeout`` seconds have passed (False)."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            if wake >= 0:
                selector.register(wake, selectors.EVENT_READ)
            heard = any(key.fileobj is self._ear for key, _ in selector.select(max(0.0, timeout)))
        if heard:
            self._silence()
        return heard

    def close(self) -> None:
        """Take it down; nobody may ring it afterwards."""
        self._ear.close()
        self._rope.close()

    def _silence(self) -> None:
        try:
            while self._ear.recv(4096):
                pass
        except BlockingIOError:
            return
