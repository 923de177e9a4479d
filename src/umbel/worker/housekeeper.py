"""The housekeeper: what a supervisor removes that nobody needs any more, one bounded step at a time.

the broker's store             expired results, revocations, joins; dead letters past their retention
a result store of its own      expired results and joins, where no server removes them (SQLite)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..broker import Owners
from ..health import seconds

if TYPE_CHECKING:
    from ..app import Umbel


class Housekeeper:
    """One supervisor's.

    Args:
        app: the application.
        owners: of the broker; closed by its owner.
    """

    def __init__(self, app: Umbel, owners: Owners) -> None:
        self._owners = owners
        self._beside = None if app.settles_results else app.result_owners()
        conf = app.conf
        self._results = {"result_count": float(conf.result_max_count)}
        dead_age, dead_count = seconds(conf.dead_letter_max_age), float(conf.dead_letter_max_count)
        self._limits = {"dead_age": dead_age, "dead_count": dead_count, **self._results}

    def tidy(self) -> int:
        """One step; how much went. Not nothing: there may be more.

        Raises:
            OperationalError: of either store.
        """
        removed = self._owners.tidy(self._limits)
        return removed + (self._beside.tidy(self._results) if self._beside is not None else 0)

    def close(self) -> None:
        """Give the connection to the result store back."""
        if self._beside is not None:
            self._beside.close()
