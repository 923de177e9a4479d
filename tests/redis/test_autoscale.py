"""`--autoscale` of threads, on Redis."""

from __future__ import annotations

from tests.support.scaling import the_pool_follows_the_work


def test_a_pool_of_threads_follows_the_work(project, url):
    assert the_pool_follows_the_work(project, url, "thread") == 0
