"""The backend contract: where results are kept and how a waiting reader is woken.

`umbel.testing.conformance.backend` is its executable form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from .record import Record

SENT: Final = ("rpc:",)
"""How URLs begin that name no store: a worker sends each result to the process that called, which must listen first."""


def sends_results(url: str | None) -> bool:
    """Whether results are sent to whoever called, instead of kept.

    Such a backend is a `Listening` too, and its records carry ``reply_to``.

    Example:
        >>> sends_results("rpc://"), sends_results("redis://localhost"), sends_results(None)
        (True, False, False)
    """
    return url is not None and url.startswith(SENT)


class Listening(Protocol):
    """What a backend that sends results has beside the rest."""

    def listen(self) -> None:
        """Return when this process can be answered; called before each message that is sent.

        Raises:
            OperationalError: it cannot be answered.
        """
        ...


class Watch(Protocol):
    """A reader that waits. Subscribe, then look, then wait: nothing that comes in between is missed."""

    def add(self, ids: Iterable[str]) -> None:
        """Subscribe to these task ids."""
        ...

    def discard(self, ids: Iterable[str]) -> None: ...

    def wait(self, timeout: float, wake: int = -1) -> bool:
        """Sleep until one of the ids may have a new state (True), ``wake`` is readable, or ``timeout`` seconds passed.

        A spurious True is allowed; a lost wake-up is not, but a caller may rely only on looking again every second.
        """
        ...

    def close(self) -> None: ...


class Backend(Protocol):
    """An opened result store; one object is used by one thread."""

    def store(self, records: Sequence[Record]) -> None:
        """Keep these states, atomically each; `states.may_replace` decides, wakes watchers."""
        ...

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        """The newest state of each id that has one and is not expired."""
        ...

    def known(self, task_id: str) -> bool | None:
        """Whether a task of this id is stored, waiting or running; None when this store cannot tell."""
        ...

    def forget(self, ids: Sequence[str]) -> None: ...

    def watch(self) -> Watch: ...

    def close(self) -> None: ...
