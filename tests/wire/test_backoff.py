from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.backoff import exponential

factors = st.integers(0, 10_000) | st.floats(0, 10_000)
maxima = st.integers(0, 100_000)
retries = st.integers(0, 5_000)


# (factor, retries, maximum) -> what Celery 5.7 answers without jitter
@pytest.mark.parametrize(
    ("given_", "seconds"),
    [((1, 0, 600), 1), ((1, 5, 600), 32), ((2, 9, 600), 600), ((0, 3, 600), 0), ((1.5, 2, 600), 6.0), ((1, 0, 0), 0),
     ((1, 2000, 600), 600)],
)  # fmt: skip
def test_the_intervals_of_celery(given_, seconds):
    assert exponential(*given_) == seconds


@given(factors, retries, maxima)
def test_never_above_the_maximum_and_never_shrinking(factor, retry, maximum):
    wait = exponential(factor, retry, maximum)
    assert 0 <= wait <= maximum
    assert wait <= exponential(factor, retry + 1, maximum)


@given(factors, st.integers(0, 20))
def test_it_doubles_below_the_maximum(factor, retry):
    assert exponential(factor, retry + 1, 10**12) == 2 * exponential(factor, retry, 10**12)


@given(factors, retries, maxima)
def test_jitter_is_a_whole_number_up_to_the_wait(factor, retry, maximum):
    wait = exponential(factor, retry, maximum, jitter=True)
    assert isinstance(wait, int)
    assert 0 <= wait <= exponential(factor, retry, maximum)


def test_jitter_reaches_both_ends():
    random.seed(1)
    drawn = {exponential(1, 2, 600, jitter=True) for _ in range(500)}
    assert drawn == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("factor", "retry", "maximum"), [(-1, 2, 10), (1, 2, -5)])
def test_negative_values_mean_at_once(factor, retry, maximum):
    assert exponential(factor, retry, maximum) == 0
    assert exponential(factor, retry, maximum, jitter=True) == 0


def test_negative_retries_count_as_the_first():
    assert exponential(3, -1, 10) == 3
