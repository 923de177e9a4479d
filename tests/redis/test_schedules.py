"""Schedulers over Redis."""

from __future__ import annotations

import signal

import pytest

from tests.beat.hurting import kill_and_stop
from tests.beat.overlapping import check_overlaps
from tests.beat.test_live import opened
from tests.support import scale
from umbel.adapters.redis.broker import open_broker
from umbel.testing.conformance.coordinator import CoordinatorSuite
from umbel.testing.conformance.overrides import OverridesSuite


class TestRedisCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})


class TestRedisOverrides(OverridesSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})


def test_entries_are_changed_while_a_scheduler_runs(url, tmp_path):
    with opened(tmp_path / "entries.toml", broker=url) as shop:
        shop.run(1)
        shop.schedules.add("often", "shop.count", "every(seconds=1)", [7])
        shop.schedules.pause("minutely", by="ann@desk")
        shop.run(70)
        assert {*shop.sent()} == {(7, "celery")}
        assert shop.history("minutely")[0][:2] == ("skipped", "paused by ann@desk")
        shop.schedules.remove("often")
        shop.schedules.resume("minutely")
        shop.run(60)
        assert (1, "code") in shop.sent()
        assert shop.history("often") == []


def test_overlaps(project, url):
    check_overlaps(project, url)


@pytest.mark.chaos
@scale.limit(90)
def test_each_tick_once_over_leaders_that_are_killed_and_stopped(project, url):
    """Row 23 of tests/pains."""
    assert kill_and_stop(project, url, signal.SIGKILL, *[signal.SIGSTOP] * bool(scale.factor())) > 30
