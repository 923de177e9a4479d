"""Pace: batches of about five milliseconds, and nothing that was never measured counts as short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from umbel.worker.pace import MOST, SHORT, WORK, Pace


def test_a_name_that_was_never_measured_is_not_short_and_a_batch_of_one() -> None:
    pace = Pace()
    assert not pace.short("proj.add")
    assert pace.batch() == 1


def test_a_measured_fast_name_is_short_and_one_slow_run_is_believed_at_once() -> None:
    pace = Pace()
    pace.measured("proj.add", 0.00001)
    assert pace.short("proj.add")
    pace.measured("proj.add", 1.0)
    assert not pace.short("proj.add")


@given(st.integers(1, MOST), st.floats(1e-7, 100.0))
def test_a_batch_is_about_five_milliseconds_of_work_and_within_bounds(count: int, seconds: float) -> None:
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
