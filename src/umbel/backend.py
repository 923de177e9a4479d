"""The backend contract: where results are kept and how a waiting reader is woken.

`umbel.testing.conformance.backend` is its executable form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, Self, runtime_checkable

import msgspec

from .message import Join, Parcel
from .outcome import Member
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


class Letter(msgspec.Struct, frozen=True, gc=False):
    """A message on its way from a result store to the broker: what follows a join, or what a member of it sends.

    A store keeps it as bytes that it need not understand: `head`, and behind it the body, which it may put together
    itself (`outcome.Splice`).

    Attributes:
        ref: the store's own reference to it.
        parcel: the message.

    Example:
        >>> kept = Letter.head(Parcel("q", "id", "task", b"{}", b"[[")) + b"1,2" + b"]]"
        >>> letter = Letter.read(7, kept)
        >>> letter.ref, letter.parcel.queue, letter.parcel.body
        (7, 'q', b'[[1,2]]')
    """

    ref: int
    parcel: Parcel

    @staticmethod
    def head(parcel: Parcel) -> bytes:
        """All of a message, its body at the end."""
        rest = _pack(msgspec.structs.replace(parcel, body=b"", opens=()))
        return b"%d:%b%b" % (len(rest), rest, parcel.body)

    @classmethod
    def read(cls, ref: int, kept: bytes) -> Self:
        """The letter that a store has kept."""
        size, _, rest = kept.partition(b":")
        parcel = _unpack(rest[: int(size)])
        parcel.body = rest[int(size) :]
        return cls(ref, parcel)


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Parcel).decode


@runtime_checkable
class Joining(Protocol):
    """What a backend has beside the rest that gathers the members of joins (`outcome.Member`) for any other broker.

    What a join sends is put into an *outbox* of this store in the step that notes the last member, and so is what its
    members send themselves; there it stays until somebody says that it was sent. Whoever sends it may die at any
    moment: another one takes it over. Each broker has an outbox of its own.

        note_members --> a letter, theirs who noted --(sent)--> drop_letters --> gone
                              \\--(still there when it is due)--> take_letters, theirs who took it --> as before
    """

    @property
    def notes_sizes(self) -> bool:
        """Whether it notes how many members a join has, so that a member need not know it: Celery's do not."""
        ...

    def open_joins(self, joins: Sequence[Join], *, anew: bool) -> None:
        """Note the sizes of joins whose members are about to be sent.

        Args:
            joins: which.
            anew: one of this id that has ended begins again; False: it stays ended, for its members may be sent twice.
        """
        ...

    def note_members(
        self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str, due: float
    ) -> list[Letter]:
        """Keep these states, note these members, and put these messages into an outbox, in one step.

        Args:
            records: as `Backend.store` takes them.
            members: what tasks bring that have ended.
            parcels: what these tasks send.
            outbox: name of the broker's.
            due: unix time from which on others may take what is not sent by then.

        Returns:
            these messages, and what follows the joins that have ended with this step, each in one answer only.
        """
        ...

    def take_letters(self, outbox: str, now: float, due: float) -> list[Letter]:
        """Some of what should have been sent by ``now``, the oldest first; it is not due again before ``due``."""
        ...

    def drop_letters(self, outbox: str, refs: Sequence[int]) -> None:
        """These were sent."""
        ...
