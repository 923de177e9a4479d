"""Rate limits: times that are reserved on the shared page, by any of a worker's processes."""

from __future__ import annotations

import os

import pytest

from umbel.utils.time import interval
from umbel.worker.page import OTHERS, TALLIES, Page
from umbel.worker.rates import NAMES, digest


@pytest.mark.parametrize("limit", ["soon", "1/day", "-1", "nan", "inf/s", "/m", [1]])
def test_what_is_no_limit_is_told(limit):
    with pytest.raises(ValueError, match="is no rate limit"):
        interval(limit)


def test_the_next_one_waits_for_its_time():
    rates = Page(1, 1).rates
    assert [rates.reserve("a", 2.0, 100.0) for _ in range(3)] == [100.0, 102.0, 104.0]
    assert rates.reserve("b", 2.0, 100.0) == 100.0
    assert rates.reserve("a", 2.0, 200.0) == 200.0
    rates.reset("a")
    assert rates.reserve("a", 2.0, 200.5) == 200.5


def test_all_processes_of_a_worker_have_one_limit():
    page = Page(1, 1)
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            for _ in range(500):
                page.rates.reserve("a", 1.0, 0.0)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    assert page.rates.reserve("a", 1.0, 0.0) == 2000.0


def test_a_full_table_has_one_limit_for_all_others():
    rates = Page(1, 1).rates
    for number in range(NAMES):
        assert rates.reserve(str(number), 1.0, 0.0) == 0.0
    assert rates.reserve("one more", 1.0, 0.0) == 1.0


def test_names_beyond_those_that_a_child_counts_are_counted_together():
    row = Page(1, 1).row(0)
    for number in range(TALLIES + 5):
        row.ints[row.tally(str(number))] += 1
    found = row.tallies()
    assert (len(found), found.pop(OTHERS)) == (TALLIES, 6)
    assert set(found) == {digest(str(number)) for number in range(TALLIES - 1)}


def test_a_child_counts_what_it_starts():
    row = Page(1, 1).row(0)
    row.ints[row.tally("a")] += 1
    row.ints[row.tally("a")] += 1
    row.ints[row.tally("b")] += 1
    assert sorted(row.tallies().values()) == [1, 2]
    row.reset(7)
    assert row.tallies() == {}
