"""The suite of stores that several processes share (`Abilities.shared`); see the package for how to use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

import pytest

from .checks.sharing import SharingChecks
from .lab import Lab
from .neighbour import Neighbour
from .scene import Scene, opened_scene


class SharedLab(Lab, Protocol):
    """A lab whose store another process can open.

    Attributes:
        opener: "module:function" that opens its broker, called with (url, options).
        backend_opener: the same for its backend.
        url: of the store.
    """

    opener: str
    backend_opener: str
    url: str


class SharedSuite(SharingChecks):
    """What processes share. A subclass gives the fixture ``lab``, a `SharedLab`."""

    @pytest.fixture
    def scene(self, lab: SharedLab) -> Iterator[Scene]:
        """The opened store of one check."""
        with opened_scene(lab) as scene:
            yield scene

    @pytest.fixture
    def neighbour(self, lab: SharedLab) -> Iterator[Neighbour]:
        """Another process on the store."""
        with closing(Neighbour(lab.opener, lab.backend_opener, lab.url)) as neighbour:
            yield neighbour

    @pytest.fixture
    def other(self, lab: SharedLab) -> Iterator[Neighbour]:
        """One more."""
        with closing(Neighbour(lab.opener, lab.backend_opener, lab.url)) as neighbour:
            yield neighbour
