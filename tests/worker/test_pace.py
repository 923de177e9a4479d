"""Pace: batches of about ten milliseconds, and nothing that was never measured counts as short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from umbel.worker.pace import MOST, SHORT, WORK, Pace, believed


def test_a_batch_begins_with_one() -> None:
    assert Pace().batch() == 1


def test_a_slow_run_is_believed_at_once_and_a_fast_one_by_and_by() -> None:
    assert believed(None, 0.5) == 0.5
    assert believed(0.00001, 1.0) == 1.0
    assert 0.7 < believed(1.0, 0.00001) < 0.8


@given(st.integers(1, MOST), st.floats(1e-7, 100.0))
def test_a_batch_is_about_ten_milliseconds_of_work_and_within_bounds(count: int, seconds: float) -> None:
    pace = Pace()
    for _ in range(10):
        pace.worked(count, seconds)
    assert 1 <= pace.batch() <= MOST
    assert pace.batch() == 1 or pace.batch() * seconds / count <= WORK


def test_a_batch_grows_at_most_fourfold_and_shrinks_at_once() -> None:
    pace = Pace()
    pace.worked(1, 0.000001)
    assert pace.batch() == 4
    pace.worked(4, 0.000004)
    assert pace.batch() == 16
    pace.worked(16, 1.0)
    assert pace.batch() == 1
    assert SHORT < WORK
