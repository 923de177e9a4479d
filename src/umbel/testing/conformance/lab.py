"""What a store gives to its suite."""

from __future__ import annotations

from typing import Protocol

from ...backend import Backend
from ...broker import Broker, Owner


class Lab(Protocol):
    """One store, empty at first. The suite opens it as often as it likes and from several threads.

    Attributes:
        patience: seconds that a check waits for something that should happen at once; 5 is generous.
        many: messages of one call, more than any bound inside of the store; 3000 is more than SQLite's.
        histories: how many random histories are compared with the model; 20 finds what there is to find.
    """

    patience: float
    histories: int
    many: int

    def broker(self) -> Broker:
        """Another broker object on this store, as another process would open it."""
        ...

    def backend(self) -> Backend:
        """Another backend object on this store, or on the one that this broker's results go to."""
        ...

    def enlist(self, owner: Owner) -> None:
        """Let an owner live, in a way that `kill` can end."""
        ...

    def kill(self, owner: Owner) -> None:
        """End an owner as SIGKILL would: it says nothing, and nobody has noticed yet."""
        ...

    def fresh(self) -> Lab:
        """Another empty store of the same kind."""
        ...

    def close(self) -> None:
        """Remove the store."""
        ...
