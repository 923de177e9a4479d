"""The memory and the SQLite store keep schedules as the contract says."""

from __future__ import annotations

import pytest

from umbel.adapters.memory import discard_store, open_broker
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.app.relay import Relay
from umbel.coordinator import Candidate
from umbel.testing.clock import moved_clock
from umbel.testing.conformance.coordinator import CoordinatorSuite, tick
from umbel.testing.conformance.overrides import OverridesSuite


class TestMemoryCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self):
        yield open_broker("memory://coordinator", {})
        discard_store("memory://coordinator")


class Beside:
    """A broker without marks and a store that has them."""

    def __init__(self):
        self.results = open_broker("memory://marks", {})
        self.broker = open_broker("memory://messages", {})
        self.shelf = self.broker.shelf

    def coordinator(self, scope):
        return Relay(self.results.coordinator(scope), self.broker.publisher)

    def overrides(self, scope):
        return self.results.overrides(scope)


class TestRelay(CoordinatorSuite):
    @pytest.fixture
    def broker(self):
        yield Beside()
        discard_store("memory://marks")
        discard_store("memory://messages")


def test_who_was_paused_sends_nothing():
    """A rival may have sent it, or be about to."""
    with moved_clock() as hands:
        both = Beside()
        coordinator = both.coordinator("shop")
        term = coordinator.lead(Candidate(1, "one@here"), None, 1.0).term
        hands.advance(6)
        assert coordinator.fire(term, [tick(0, 10, "a")]) is False
        assert both.shelf().counts() == []
        coordinator.lead(Candidate(1, "one@here"), None, 7.0)
        assert coordinator.fire(term, [tick(0, 10, "a")]) is True
    discard_store("memory://marks")
    discard_store("memory://messages")


class TestSqliteCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self, tmp_path):
        return open_sqlite(f"sqlite:///{tmp_path}/store.db", {})


class TestMemoryOverrides(OverridesSuite):
    @pytest.fixture
    def broker(self):
        yield open_broker("memory://coordinator", {})
        discard_store("memory://coordinator")


class TestSqliteOverrides(OverridesSuite):
    @pytest.fixture
    def broker(self, tmp_path):
        return open_sqlite(f"sqlite:///{tmp_path}/store.db", {})
