"""How slow this machine is now, for limits on times: shared ones lose and win half of their speed in minutes."""

from __future__ import annotations

import time
import timeit

TURNS = 20_000
REFERENCE = 120e-9
"""Seconds of CPU time a turn in the slowest hour in which the limits held."""


def _work() -> None:
    state = 1
    for _ in range(TURNS):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF


def slowness() -> float:
    """How many times as long as there a fixed piece of Python takes here and now; 1.0 on a machine that is faster."""
    best = min(timeit.repeat(_work, number=1, repeat=20, timer=time.thread_time))
    return max(1.0, best / TURNS / REFERENCE)
