"""The suite of the pacer contract: every store that keeps rate limits for all workers passes it, ours and strangers'.

class TestMyPacer(PacerSuite):
    @pytest.fixture
    def broker(self):
        return open_broker("mystore://...", {})
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from ...pacing import Paced, Pacer

EVERY = 1000.0
"""Seconds between two starts: so long that no check sees the end of one."""
SLOW = 100.0
"""Seconds that a check may take."""

Open = Callable[[], Pacer]


class PacerSuite:
    """Every sentence of `umbel.pacing`. A subclass gives the fixture ``broker``."""

    @pytest.fixture
    def opened(self, broker: Any) -> Iterator[Open]:
        """One more pacer, as another process would open it."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(broker.pacer()))

    def test_it_is_found(self, broker: Any) -> None:
        """By looking whether it is there."""
        assert isinstance(broker, Paced)

    def test_who_comes_later_waits_an_interval_longer(self, opened: Open) -> None:
        """Whichever process asks; another name has a line of its own."""
        one, two = opened(), opened()
        waits = [part.reserve("suite.a", EVERY) for part in (one, two, one, two)]
        assert waits[0] == 0.0
        assert [round(wait / EVERY) for wait in waits] == [0, 1, 2, 3]
        assert all(0 <= place * EVERY - wait < SLOW for place, wait in enumerate(waits))
        assert one.reserve("suite.b", EVERY) == 0.0

    def test_two_never_get_one_place(self, opened: Open) -> None:
        """Many at once."""
        parts, places = [opened() for _ in range(4)], list[int]()

        def step(part: Pacer) -> None:
            for _ in range(25):
                places.append(round(part.reserve("suite.a", EVERY) / EVERY))

        threads = [threading.Thread(target=step, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(places) == list(range(100))

    def test_who_is_back_at_its_time_starts(self, opened: Open) -> None:
        """And does not step into the line again."""
        part = opened()
        part.reserve("suite.a", EVERY)
        assert part.reserve("suite.a", EVERY, again=True) == 0.0
        assert round(part.reserve("suite.a", EVERY) / EVERY) == 2

    def test_of_many_that_come_back_at_once_few_start(self, opened: Open) -> None:
        """At most two more than the intervals that have passed."""
        one, two = opened(), opened()
        waits = [part.reserve("suite.a", EVERY, again=True) for part in (one, two) * 3]
        assert [round(wait / EVERY) for wait in waits] == [0, 0, 2, 3, 4, 5]

    def test_a_line_begins_anew(self, opened: Open) -> None:
        """When its limit has changed."""
        one, two = opened(), opened()
        assert [round(one.reserve("suite.a", EVERY) / EVERY) for _ in range(3)] == [0, 1, 2]
        two.reset("suite.a")
        assert one.reserve("suite.a", 1.0) == 0.0
