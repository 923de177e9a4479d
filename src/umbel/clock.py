"""Two clocks behind one door: wall time is stored, monotonic time is measured.

Everything in umbel that needs a time calls through this module (``clock.wall()``, never ``time.time()``), so that a
test moves both by replacing the two functions here (``umbel.testing.clock``).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

wall = time.time
"""Seconds since 1970 in UTC. For values that are stored or sent: eta, expires, due, date_done."""

monotonic = time.monotonic
"""Seconds of a clock that never jumps. For durations and deadlines inside one machine."""


def utcnow() -> datetime:
    """The wall clock as an aware datetime in UTC."""
    return datetime.fromtimestamp(wall(), UTC)
