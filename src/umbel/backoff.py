"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from . import clock
from .exceptions import StoreLocked, StoreUnavailable

AWAY: Final = (StoreUnavailable, StoreLocked)
"""What a store raises that may answer a little later."""

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


def stepped(policy: Mapping[str, Any], failures: int) -> float | None:
    """Seconds before the next attempt, None when there is none.

    Args:
        policy: Celery's words: max_retries (None: without end), interval_start, interval_step, interval_max (seconds).
        failures: so far, from 1.

    Example:
        >>> policy = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.3}
        >>> [stepped(policy, failures) for failures in (1, 2, 3, 4)]
        [0.0, 0.2, 0.3, None]
    """
    most = policy.get("max_retries")
    if most is not None and failures > most:
        return None
    start, step, longest = (float(policy.get(f"interval_{name}") or 0) for name in ("start", "step", "max"))
    return min(longest, start + step * (failures - 1))


OUTAGE: Final[Mapping[str, Any]] = {
    "timeout": None, "max_retries": 20, "interval_start": 0, "interval_step": 1, "interval_max": 1,
}  # fmt: skip
"""How an outage of the results is borne where no policy is set: Celery's, twenty attempts a second apart."""


class Patience:
    """How long one outage is borne: counts attempts that failed in a row.

    Args:
        policy: as in `stepped`, and ``timeout``, seconds from the first failure on; `OUTAGE` has what it leaves out.

    Example:
        >>> patience = Patience({"max_retries": 2})
        >>> [patience.pause() for _ in range(3)]
        [0.0, 1.0, None]
    """

    __slots__ = ("_failures", "_policy", "_since")

    def __init__(self, policy: Mapping[str, Any] | None = None) -> None:
        self._policy = {**OUTAGE, **(policy or {})}
        self._failures = 0
        self._since = 0.0

    def pause(self) -> float | None:
        """An attempt failed: seconds before the next one, None when there is none."""
        now = clock.monotonic()
        if not self._failures:
            self._since = now
        self._failures += 1
        wait = stepped(self._policy, self._failures)
        most = self._policy["timeout"]
        return None if wait is None or (most is not None and now + wait - self._since >= most) else wait

    def reset(self) -> None:
        """An attempt succeeded: the next outage is borne from its beginning."""
        self._failures = 0
