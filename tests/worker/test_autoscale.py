"""When the autoscaler grows a pool, and when it shrinks it."""

from __future__ import annotations

import pytest

from umbel.testing.clock import moved_clock
from umbel.worker.autoscale import Autoscaler


class Pool:
    """A pool whose demand the test says."""

    def __init__(self, size: int = 1, most: int = 40) -> None:
        self.num_processes = size
        self.most = most
        self.wanted = 0

    def demand(self) -> int:
        return self.wanted

    def grow(self, n: int) -> None:
        self.num_processes += n

    def shrink(self, n: int) -> None:
        self.num_processes -= n


@pytest.fixture
def hands():
    with moved_clock(ticking=False) as hands:
        yield hands


@pytest.fixture
def pool():
    return Pool()


@pytest.fixture
def scaler(hands, pool):
    return Autoscaler(pool, 10, 2, keepalive=30.0)


def looks(scaler, pool, hands, *wanted):
    """Sizes after looks ten seconds apart."""
    sizes = []
    for number in wanted:
        pool.wanted = number
        scaler.maybe_scale()
        sizes.append(pool.num_processes)
        hands.advance(10)
    return sizes


def test_it_grows_at_once_and_shrinks_by_what_was_idle_all_the_time(scaler, pool, hands):
    assert looks(scaler, pool, hands, 1, 4, 400) == [1, 4, 10]
    assert looks(scaler, pool, hands, 3, 5, 4, 0, 0) == [10, 10, 10, 5, 5]
    assert looks(scaler, pool, hands, 5, 0, 0, 0, 0, 0) == [5, 5, 5, 5, 2, 2]
    assert looks(scaler, pool, hands, 0, 0, 0, 0) == [2, 2, 2, 2]


def test_one_stays(pool, hands):
    scaler = Autoscaler(pool, 10)
    assert looks(scaler, pool, hands, 2, 0, 0, 0, 0, 0, 0) == [2, 2, 2, 2, 1, 1, 1]


def test_the_range_is_changed(scaler, pool):
    assert scaler.update(max=8) == (8, 2)
    assert (scaler.update(min=4), pool.num_processes) == ((8, 4), 4)
    assert (scaler.update(3, 1), pool.num_processes) == ((3, 1), 3)
    for wrong in ((41, 1), (2, 3), (0, 0), (3, -1)):
        with pytest.raises(ValueError, match="at most 40"):
            scaler.update(*wrong)
    assert scaler.info() == {"max": 3, "min": 1, "current": 3, "qty": 0}


def test_who_resizes_by_hand_widens_the_range(scaler, pool):
    scaler.force_scale_up(11)
    assert (pool.num_processes, scaler.max_concurrency) == (12, 12)
    scaler.force_scale_down(11)
    assert (pool.num_processes, scaler.min_concurrency) == (1, 1)


def test_a_class_of_the_project_s_own_decides_itself(pool):
    class Always(Autoscaler):
        def _maybe_scale(self, req=None):
            self.scale_up(1)
            return True

    Always(pool, 3).maybe_scale()
    assert pool.num_processes == 2
