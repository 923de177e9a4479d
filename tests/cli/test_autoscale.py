"""`--autoscale` on SQLite, and what of it is refused."""

from __future__ import annotations

import pytest

from tests.support.scaling import the_pool_follows_the_work


def test_a_pool_of_processes_follows_the_work(project):
    assert the_pool_follows_the_work(project, f"sqlite:///{project.folder}/hall.db", "process") == 0


@pytest.mark.parametrize("sizes", ["many", "3,2,1", "0", "-1,2", ""])
def test_what_is_no_range_is_refused(umbel, sizes):
    said = umbel("-q", "-A", "shop", "worker", "--autoscale", sizes)
    assert (said.code, "is no MAX,MIN" in said.err) == (2, True)


def test_a_pool_of_another_kind_stays_as_it_is(umbel):
    said = umbel("-q", "-A", "shop", "worker", "-P", "solo", "--autoscale", "3")
    assert (said.code, "for the pools process and thread" in said.err) == (64, True)
