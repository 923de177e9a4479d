"""The memory and the SQLite store keep rate limits for all workers, and the suite sees who does not."""

from __future__ import annotations

import pytest

from umbel.adapters.memory import discard_store, open_broker
from umbel.adapters.memory.pacer import MemoryPacer
from umbel.adapters.memory.store import MemoryStore
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.testing.conformance.pacing import PacerSuite


class TestMemoryPacer(PacerSuite):
    @pytest.fixture
    def broker(self):
        yield open_broker("memory://pacer", {})
        discard_store("memory://pacer")


class TestSqlitePacer(PacerSuite):
    @pytest.fixture
    def broker(self, tmp_path):
        return open_sqlite(f"sqlite:///{tmp_path}/store.db", {})


class EachItsOwn:
    """Every part has a line of its own, as if there were no store."""

    def pacer(self):
        return MemoryPacer(MemoryStore())


class Trusting(MemoryPacer):
    """Whoever says that it is back starts."""

    def reserve(self, name, seconds, *, again=False):
        return 0.0 if again else super().reserve(name, seconds)


def test_lines_that_are_not_shared_are_seen():
    suite = PacerSuite()
    with pytest.raises(AssertionError):
        suite.test_who_comes_later_waits_an_interval_longer(EachItsOwn().pacer)


def test_a_burst_is_seen():
    store, suite = MemoryStore(), PacerSuite()
    with pytest.raises(AssertionError):
        suite.test_of_many_that_come_back_at_once_few_start(lambda: Trusting(store))
    suite.test_who_comes_later_waits_an_interval_longer(lambda: Trusting(store))
