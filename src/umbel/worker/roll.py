"""The supervisor's entry in the store's own record of who is there (`broker.Owners`)."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import msgspec

from .. import clock, ids
from ..broker import Owner, Owners
from ..exceptions import DuplicateNodenameWarning

if TYPE_CHECKING:
    from ..app import Umbel
    from .options import WorkerOptions

logger = logging.getLogger("umbel.worker")


class Entry:
    """One supervisor's.

    Args:
        app: the application.
        options: the worker's.

    Attributes:
        owner: as which it is known.
        owners: its connection.
        missed: the last look did not find it.
    """

    def __init__(self, app: Umbel, options: WorkerOptions) -> None:
        self._options = options
        self.owner = Owner(ids.nonce(), options.hostname, os.getpid(), "supervisor", clock.wall(), options.facts())
        self.owners: Owners = app.broker.owners()
        self.missed = False

    def enlist(self) -> None:
        """Be known; warn of another worker of this name."""
        for other in self.owners.roll():
            if other.role == "supervisor" and other.node == self._options.hostname:
                logger.warning(
                    "%s: a worker called %s runs already (pid %d); give this one a name of its own with -n, or"
                    " inspect and health cannot tell them apart",
                    DuplicateNodenameWarning.__name__, other.node, other.pid,
                )  # fmt: skip
        self.owners.enlist(self.owner)

    def look(self) -> None:
        """Enlist again when two looks do not find this process on the roll: the store has lost its memory, or declared
        it dead while it was stopped. A supervisor holds no message.
        """
        known = any(owner.nonce == self.owner.nonce for owner in self.owners.roll())
        if not known and self.missed:
            logger.warning("The store does not know this worker any more; it is enlisted again")
            self.owner = msgspec.structs.replace(self.owner, nonce=ids.nonce())
            self.owners.enlist(self.owner)
        self.missed = not known and not self.missed

    def retire(self) -> None:
        """Be known no more."""
        self.owners.retire(self.owner.nonce)
