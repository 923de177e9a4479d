"""Real workers whose messages are in a SQLite file and whose results are in a database, also while it is away."""

from __future__ import annotations

import pytest

from tests.support.apart import (
    HASTY,
    Apart,
    a_coroutine_waits_for_thousands,
    outcomes_are_kept,
    results_are_read_by_clients,
)
from umbel.adapters.database import open_backend


def test_results_of_a_worker_are_read_by_its_clients(project, url):
    assert results_are_read_by_clients(Apart(project, url)) == 0


@pytest.mark.timeout(180)
def test_a_coroutine_waits_for_thousands(project, url):
    assert a_coroutine_waits_for_thousands(Apart(project, url)) == 0


def outage_by_freezing(server):
    server.freeze()
    return lambda: server.freeze(False)


def outage_by_kill(server):
    server.kill()
    return server.start


@pytest.mark.chaos
@pytest.mark.parametrize("outage", [outage_by_freezing, outage_by_kill])
def test_outcomes_are_kept_while_the_database_is_away(project, own_postgresql, outage):
    url = f"db+{own_postgresql.url()}"
    shop, backend = Apart(project, url, **HASTY), open_backend(url, {})
    assert outcomes_are_kept(shop, backend, lambda: outage(own_postgresql)) == 0
