"""Broadcast: a queue for each worker, on Redis."""

from __future__ import annotations

import pytest

from tests.support.broadcasts import Shop, each_worker_gets_it_once


@pytest.mark.timeout(180)  # Celery takes seconds to start
def test_a_broadcast_reaches_each_worker_of_both_kinds_once(project, url):
    each_worker_gets_it_once(Shop(project, url), "No worker listens to the broadcast")
