"""The sponsor: what a supervisor says of its children to the store that keeps their claims (`once`).

A child that holds claims says by itself that it lives. The supervisor says it for one that has been silent, because
its task holds the interpreter, and says at once that one has died, so that nobody waits for the end of a lease.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ..claims import Claims
from ..exceptions import UmbelError
from .once import BEAT
from .page import CLAIMS

if TYPE_CHECKING:
    from ..app import Umbel
    from .brood import Brood, Ward

logger = logging.getLogger("umbel.worker")

SILENT: Final = BEAT + 1.0
"""Seconds after which a child should have said something again."""


class Sponsor:
    """One supervisor's. It has a connection only when it has had something to say.

    Args:
        app: the application.
        brood: its children.
    """

    def __init__(self, app: Umbel, brood: Brood) -> None:
        self._app = app
        self._brood = brood
        self._claims: Claims | None = None
        self._dead: list[int] = []

    def buried(self, ward: Ward) -> None:
        """A child has ended."""
        if ward.row.get(CLAIMS):
            self._dead.append(ward.nonce)

    def sweep(self, now: float) -> None:
        """Say what there is to say; what is not heard is said again the next time."""
        wards = self._brood.wards.values()
        silent = [each.nonce for each in wards if each.row.get(CLAIMS) and now - each.row.vouched > SILENT]
        if not silent and not self._dead:
            return
        try:
            self._claims = self._claims or self._app.claims()
            if self._claims is not None:
                self._claims.vouch(silent, self._dead)
            self._dead = []
        except UmbelError as error:
            logger.debug("Who holds claims was not heard: %s", error)

    def close(self) -> None:
        """Give the connection back, if there is one."""
        if self._claims is not None:
            self._claims.close()
