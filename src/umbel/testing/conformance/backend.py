"""The suite of the backend contract; see the package for how to use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .checks.gathering import GatheringChecks
from .checks.keeping import KeepingChecks, WatchingChecks
from .lab import Lab
from .scene import Scene, opened_scene


class BackendSuite(KeepingChecks, WatchingChecks, GatheringChecks):
    """Every sentence of `umbel.backend`. A subclass gives the fixture ``lab``."""

    @pytest.fixture
    def scene(self, lab: Lab) -> Iterator[Scene]:
        """The opened store of one check."""
        with opened_scene(lab) as scene:
            yield scene
