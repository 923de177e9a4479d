"""Real workers whose messages are in a SQLite file and whose results are in Redis, also while Redis is away."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.apart import (
    HASTY,
    Apart,
    a_coroutine_waits_for_thousands,
    outcomes_are_kept,
    results_are_read_by_clients,
)
from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend


def test_results_of_a_worker_are_read_by_its_clients(project, url):
    assert results_are_read_by_clients(Apart(project, url)) == 0


def test_a_real_celery_reads_the_results_of_a_worker(project, url):
    shop = Apart(project, url)
    worker = shop.worker()
    task_id = shop.said("r = add.delay(2, 3); r.get(timeout=20); print(r.id)")
    other = f"""
        from celery import Celery
        app = Celery("other", broker="memory://", backend={url!r})
        print(app.AsyncResult({task_id!r}).get(timeout=10))
    """
    assert project.client(other, of="celery").stdout.strip() == "5"
    assert worker.stop() == 0


@pytest.mark.timeout(180)
def test_a_coroutine_waits_for_thousands_over_one_connection(project, url):
    assert a_coroutine_waits_for_thousands(Apart(project, url)) == 0


def outage_by_stop(server):
    os.kill(server.pid, signal.SIGSTOP)
    return lambda: os.kill(server.pid, signal.SIGCONT)


def outage_by_kill(server):
    server.kill()
    return server.start


def opened(server):
    return RedisBackend(Address.parse(server.url, {}))


@pytest.mark.parametrize("outage", [outage_by_stop, outage_by_kill])
def test_outcomes_are_kept_while_redis_is_away(project, own_server, outage):
    shop = Apart(project, own_server.url, **HASTY)
    assert outcomes_are_kept(shop, opened(own_server), lambda: outage(own_server)) == 0


def test_a_worker_that_is_told_to_stop_while_redis_is_away_ends_and_loses_nothing(project, own_server):
    """What could not be stored is still in the queue, for the next worker."""
    shop = Apart(project, own_server.url, **HASTY, worker_shutdown_grace=3)
    worker = shop.worker()
    assert shop.said("print(noted.delay(-1).get(timeout=20))") == "-1"
    own_server.kill()
    ids = shop.said("print(*[noted.delay(n).id for n in range(10)])").split()
    worker.until_output("outcomes wait")
    worker.stop(timeout=30)
    own_server.start()
    second = shop.worker()
    backend = opened(own_server)
    until(lambda: len(backend.fetch(ids)) == 10, second.output, timeout=30)
    assert {one.status for one in backend.fetch(ids).values()} == {"SUCCESS"}
    assert second.stop() == 0
    backend.close()
