from __future__ import annotations

import time

import pytest

from tests.support.until import until
from umbel import clock
from umbel.testing.clock import moved_clock


def test_both_clocks_jump_together():
    with moved_clock(ticking=False) as hands:
        wall, monotonic = clock.wall(), clock.monotonic()
        hands.advance(90.5)
        assert clock.wall() == wall + 90.5
        assert clock.monotonic() == monotonic + 90.5
        assert clock.utcnow().timestamp() == pytest.approx(clock.wall(), abs=1e-5)


def test_the_wall_clock_can_be_set_back_alone():
    with moved_clock(ticking=False) as hands:
        monotonic = clock.monotonic()
        hands.set_wall(1_000_000.0)
        assert clock.wall() == 1_000_000.0
        assert clock.monotonic() == monotonic


def test_a_ticking_clock_goes_on():
    with moved_clock() as hands:
        hands.set_wall(1_000_000.0)
        hands.advance(50)
        before = clock.wall()
        assert 1_000_050.0 <= before < 1_000_080.0
        assert until(lambda: clock.wall() > before)


def test_a_standing_clock_stands():
    with moved_clock(ticking=False):
        assert clock.monotonic() == clock.monotonic()


def test_the_real_clocks_come_back():
    with moved_clock() as hands:
        hands.advance(1e9)
    assert abs(clock.wall() - time.time()) < 10
    assert clock.monotonic is time.monotonic


def test_the_real_clocks_come_back_after_a_failure():
    with pytest.raises(ZeroDivisionError), moved_clock():
        1 / 0  # noqa: B018 - any failure
    assert clock.wall is time.time


def test_those_who_must_know_are_told():
    told = []
    with moved_clock() as hands:
        hands.on_move(lambda: told.append(clock.wall()))
        hands.advance(10)
        hands.set_wall(5.0)
    assert len(told) == 2
    assert told[1] < 60
