"""How often a chaos run does what it does: a little in `make test`, the full counts in `make chaos`.

COUNT = scale.count(full=10_000, small=500)

@pytest.mark.chaos
@scale.limit(90)
def test_children_killed_at_random(project): ...
"""

from __future__ import annotations

import os
import random

import pytest


def factor() -> float:
    """UMBEL_CHAOS_FACTOR: 1 for the full counts, 10 for ten times as much; 0.0 when it is not set."""
    return float(os.environ.get("UMBEL_CHAOS_FACTOR") or 0)


def count(*, full: int, small: int) -> int:
    """``small``, or ``full`` times the factor where one is set; never below ``small``."""
    return max(small, round(full * factor()))


def seed() -> int:
    """UMBEL_CHAOS_SEED, or a fresh number. A run prints it, so that a failure can be repeated with the same choices."""
    return int(os.environ.get("UMBEL_CHAOS_SEED") or random.randrange(2**32))


def limit(seconds: float) -> pytest.MarkDecorator:
    """A time-out for the small counts; at full counts an hour times the factor."""
    return pytest.mark.timeout(max(3600 * factor(), seconds) if factor() else seconds)
