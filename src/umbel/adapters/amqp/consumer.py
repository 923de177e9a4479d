"""One owner's way in. Its consumers share a `Session`: the loop and the keeper of a child settle on one channel.

A delivery can only be acknowledged on the channel that brought it, so a process has one session for each owner, found
by its nonce whichever broker object asks.
"""

from __future__ import annotations

import os
import select
import selectors
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from ... import clock
from ...broker import Owner, Turn, Want
from ...exceptions import OperationalError
from ...outcome import Outcome
from .session import Session

_PATIENCE: Final = 0.5  # seconds before an idle child asks again for a server that is away

_sessions: dict[int, Session] = {}
_guard = threading.Lock()


def session_of(owner: Owner, make: Callable[[], Session]) -> Session:
    """The session of an owner in this process."""
    with _guard:
        session = _sessions.get(owner.nonce)
        if session is None:
            session = _sessions[owner.nonce] = make()
        return session


def ended(nonce: int) -> Session | None:
    """Take an owner's session away, if it has one in this process."""
    with _guard:
        return _sessions.pop(nonce, None)


class AmqpConsumer:
    """See `umbel.broker.Consumer`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        """Settle what is finished, then claim."""
        return self._session.turn(outcomes, want)

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Which of these are still held under their claim number."""
        return self._session.check(outcomes)

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        """Sleep until work may be there, ``wake`` is readable, or ``timeout`` seconds passed."""
        until = clock.monotonic() + timeout
        try:
            if self._session.listen(queues) and queues:
                return
            with selectors.DefaultSelector() as either:
                for descriptor in {self._session.ear, wake} - {-1}:
                    either.register(descriptor, selectors.EVENT_READ)
                self._sleep(queues, until, either)
        except OperationalError:  # the next turn says what is wrong
            poll = select.poll()
            if wake >= 0:
                poll.register(wake, select.POLLIN)
            poll.poll(min(_PATIENCE, max(0.0, until - clock.monotonic())) * 1000)

    def _sleep(self, queues: Sequence[str], until: float, either: Any) -> None:
        descriptor = either.fileno()  # epoll's and kqueue's can be waited for like any other
        while (left := until - clock.monotonic()) > 0:
            self._session.arrive(left, descriptor)
            if self._session.listen(queues) or either.select(0) or self._session.wanted:
                return

    def close(self) -> None:
        """What is still held stays held by the owner, on the session that its next consumer finds."""


def _forked() -> None:
    global _guard  # noqa: PLW0603 - the parent's may be held by a thread that does not exist here
    _guard = threading.Lock()
    _sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
