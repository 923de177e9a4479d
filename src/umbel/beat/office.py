"""Who leads. Nobody's clock is asked what time it is: a rival stands still when its renewals do not count on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ..coordinator import Candidate, Coordinator, Lease

logger = logging.getLogger("umbel.beat")

RENEW: Final = 2.0
"""Seconds between two renewals of the leader."""

LOOK: Final = 1.0
"""Seconds between two looks of one who waits."""

LEASE: Final = 7.0
"""Seconds for which a lease may stand still before another one takes it: with a look behind it, less than 10."""


class Office:
    """One scheduler's part in it.

    Args:
        coordinator: of the store.
        candidate: who it is.
        monotonic: seconds of a clock that never jumps.
        wall: unix time, for the history.
    """

    def __init__(
        self, coordinator: Coordinator, candidate: Candidate, monotonic: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self._coordinator = coordinator
        self.candidate = candidate
        self._monotonic = monotonic
        self._wall = wall
        self._renewed = 0.0
        self._rival: Lease | None = None
        self._rival_since = 0.0
        self._told = (0, "")
        self.term = 0

    def held(self) -> bool:
        """Whether it leads; takes, renews or loses the lead.

        Raises:
            OperationalError: the store does not say.
        """
        now = self._monotonic()
        if self.term and now - self._renewed < RENEW:
            return True
        since = now - self._rival_since
        stuck = self._rival if self._rival is not None and since >= LEASE else None
        lease = self._coordinator.lead(self.candidate, stuck, self._wall())
        if lease.leader == self.candidate.nonce:
            self._win(lease, stuck, since)
            self._renewed = now
            return True
        self._wait(lease, now)
        return False

    def left(self) -> float:
        """Seconds until the next renewal."""
        return max(0.0, self._renewed + RENEW - self._monotonic())

    def drop(self) -> None:
        """A step was refused, or its answer was lost: ask who leads before the next one."""
        self.term = 0

    def _win(self, lease: Lease, stuck: Lease | None, since: float) -> None:
        if self.term == lease.term:
            return
        if stuck is not None:
            logger.warning("%s leads now: %s was silent for %.1f s", self.candidate.node, stuck.node, since)
        elif self._told[0] != lease.term:
            logger.info("%s leads now", self.candidate.node)
        self.term, self._rival, self._told = lease.term, None, (lease.term, "")

    def _wait(self, lease: Lease, now: float) -> None:
        if self.term:
            logger.warning("%s leads now: this one was silent for too long, and waits", lease.node)
        rival = self._rival
        self.term = 0
        if rival is None or (rival.term, rival.renewals) != (lease.term, lease.renewals):
            self._rival, self._rival_since = lease, now
        told = (lease.term, lease.entries)
        if told != self._told:
            self._told = told
            logger.info("%s leads, this one waits for its end", lease.node)
            if lease.entries != self.candidate.entries:
                logger.warning("%s has other entries in its schedule than this one; only its own are sent", lease.node)
