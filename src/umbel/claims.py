"""The claims contract: how a store of results lets a message run once that its broker may hold twice.

A message whose headers have `message.ONCE_HEADER` is claimed there before it runs, by its name (`name_of`: the task's
id, and which attempt it is). A store that can do it gives the broker that is opened from its URL one more part, which
is found by looking whether it is there (`Claiming`). Where messages and results are in one store nothing is claimed:
what settles a message is one step there.

    nobody --claim--> held --ended---> ended     it ran to its end: a second message of it is dropped
                       |  \\--passed--> passed    the same; another attempt follows under a name of its own
                       |----loose----> loose     given back, or lost to somebody: whoever is next looks for a result
                       \\----gone-----> nobody    set aside for a person, who may send it again

A claim lives as long as its owner: a living owner's is taken from him by nobody, however long his task is, and a dead
one's is taken over by whoever asks next. Owners live here by their word (`vouch`), or by what the store sees itself.
`umbel.testing.conformance.claims` is the executable form of this page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, runtime_checkable

import msgspec

from .broker import Part

LEASE: Final = 5.0
"""Seconds for which an owner's word counts in a store that cannot see whether its process lives."""

DOUBT: Final = 2.0
"""Seconds for which an owner has been silent for too long before his claims are taken: a store that was away forgets
leases, and those who live speak first.
"""

HELD: Final = 30 * 86_400.0
"""Seconds after which a claim is forgotten that nobody settled."""

Answer = Literal["mine", "again", "held", "ended"]
"""Of a claim: nobody had it before; somebody had, who is dead or gave it back; a living owner has it; it has ended."""

State = Literal["", "held", "loose", "ended", "passed"]
"""What is known of a name: nothing, or as drawn above; a dead owner's is "loose"."""

End = Literal["ended", "passed", "loose", "gone"]


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One message that is to be claimed.

    Attributes:
        name: see `name_of`.
        token: of the delivery, so that a repeated question is told from a second delivery.
    """

    name: str
    token: str


def name_of(task_id: str, retries: int = 0, nesting: int = 0) -> str:
    """The name under which an attempt is claimed.

    Args:
        task_id: its id.
        retries: which attempt it is, from 0.
        nesting: how often the task has replaced itself.

    Example:
        >>> name_of("a"), name_of("a", 2), name_of("a", 0, 1)
        ('a', 'a/2', 'a/0/1')
    """
    if nesting:
        return f"{task_id}/{retries}/{nesting}"
    return f"{task_id}/{retries}" if retries else task_id


class Claims(Part, Protocol):
    """The claims of one store."""

    def claim(self, owner: int, claims: Sequence[Claim]) -> list[Answer]:
        """Take what can be taken, in one round trip; the owner lives from now on.

        A claim that this owner has under the same token is his again; so this may be repeated when its answer was lost.

        Args:
            owner: nonce of who asks.
            claims: any number; the caller bounds it.

        Returns:
            what became of each.

        Raises:
            OperationalError: it is not known; the caller settles all of them as loose, later.
        """
        ...

    def settle(self, owner: int, ends: Sequence[tuple[Claim, End]], kept: float) -> None:
        """Say what became of claims, in one round trip; one that is not this owner's (any more) stays as it is.

        Args:
            owner: nonce of who had them.
            ends: what became of each.
            kept: seconds for which an end is remembered.

        Raises:
            OperationalError: nothing of it happened, or it is not known; it may be repeated.
        """
        ...

    def vouch(self, living: Sequence[int], dead: Sequence[int] = ()) -> None:
        """Say again that owners live, and which have died: their claims may be taken at once."""
        ...

    def look(self, names: Sequence[str], owner: int = 0) -> list[State]:
        """What is known of these names.

        Args:
            names: see `name_of`.
            owner: only what this owner holds counts as "held", anybody else's is "loose"; who asks for himself lives,
                however long he was silent. 0: whoever holds it.
        """
        ...


@runtime_checkable
class Claiming(Protocol):
    """A broker whose store can do it."""

    def claims(self) -> Claims: ...
