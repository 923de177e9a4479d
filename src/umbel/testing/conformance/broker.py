"""The suite of the broker contract; see the package for how to use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .checks.claiming import ClaimingChecks
from .checks.closing import ClosingChecks
from .checks.controlling import BroadcastChecks, RevocationChecks
from .checks.histories import HistoryChecks
from .checks.joining import JoiningChecks
from .checks.owning import LivingChecks, RescueChecks
from .checks.publishing import PublishingChecks
from .checks.racing import RacingChecks
from .checks.settling import SettlingChecks
from .checks.shelving import ListingChecks, RemovingChecks
from .checks.tidying import TidyingChecks
from .checks.waiting import WaitingChecks
from .lab import Lab
from .scene import Scene, opened_scene


class BrokerSuite(
    PublishingChecks, ClaimingChecks, SettlingChecks, LivingChecks, RescueChecks, RevocationChecks, BroadcastChecks,
    ListingChecks, RemovingChecks, WaitingChecks, TidyingChecks, ClosingChecks, RacingChecks,
    HistoryChecks, JoiningChecks,
):  # fmt: skip
    """Every sentence of `umbel.broker`. A subclass gives the fixture ``lab``."""

    @pytest.fixture
    def scene(self, lab: Lab) -> Iterator[Scene]:
        """The opened store of one check."""
        with opened_scene(lab) as scene:
            yield scene
