"""How long to wait before the next attempt."""

from __future__ import annotations

import random

# 2 to this power is above every sensible maximum and still a float.
_LAST_DOUBLING = 512


def exponential(factor: float, retries: int, maximum: float, *, jitter: bool = False) -> float:
    """Seconds before the next attempt: ``factor * 2 ** retries``, at most ``maximum``.

    Args:
        factor: seconds before the first retry; negative counts as 0.
        retries: retries so far, from 0.
        maximum: longest wait in seconds; negative counts as 0.
        jitter: draw a whole number between 0 and that ("full jitter"), so that many tasks that failed together do not
            come back together.

    Example:
        >>> exponential(1, 3, 600), exponential(1, 20, 600)
        (8, 600)
    """
    wait = max(0, min(maximum, factor * 2 ** min(max(retries, 0), _LAST_DOUBLING)))
    return random.randint(0, int(wait)) if jitter else wait
