"""Schedulers over Redis."""

from __future__ import annotations

import signal

import pytest

from tests.beat.hurting import kill_and_stop
from tests.beat.overlapping import check_overlaps
from tests.support import scale
from umbel.adapters.redis.broker import open_broker
from umbel.testing.conformance.coordinator import CoordinatorSuite


class TestRedisCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})


def test_overlaps(project, url):
    check_overlaps(project, url)


@pytest.mark.chaos
@scale.limit(90)
def test_each_tick_once_over_leaders_that_are_killed_and_stopped(project, url):
    """Row 23 of tests/pains."""
    assert kill_and_stop(project, url, signal.SIGKILL, *[signal.SIGSTOP] * bool(scale.factor())) > 30
