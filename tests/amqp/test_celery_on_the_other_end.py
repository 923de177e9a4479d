"""Real Celery 5.7 processes and umbel's on one RabbitMQ: each side calls the other, and both drain one queue."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.servers import redis_server
from tests.support.shop import EXPECTED, Shop
from umbel.adapters.amqp.broker import open_broker


@pytest.fixture
def shop(project, url, tmp_path_factory):
    """Messages in RabbitMQ, results in Redis, as most of Celery's users have it."""
    with redis_server(tmp_path_factory.mktemp("results")) as results:
        yield Shop(project, url, results.url)


def test_a_celery_client_calls_an_umbel_worker(shop):
    shop.umbel_worker()
    assert shop.called_from("with_celery") == EXPECTED


def test_an_umbel_client_calls_a_celery_worker(shop):
    shop.celery_worker()
    assert shop.called_from("with_umbel") == EXPECTED


def test_one_queue_is_drained_by_both(shop, url, tmp_path):
    """Sent by both, run by both, each message once."""
    assert shop.drain(tmp_path / "done", 500) == Counter(range(1000))
    shelf = open_broker(url, {}).shelf()
    counts = shelf.counts()
    shelf.close()
    assert counts == []


def test_celerys_remote_control_reaches_umbels_worker_and_the_other_way(shop):
    """Both answer over the same exchanges."""
    shop.umbel_worker("-n", "umbel@here")
    shop.celery_worker("-n", "celery@here")
    asked = shop.processes.run(
        "-c",
        "import json; from with_celery import app; print(json.dumps(app.control.ping(timeout=10, limit=2)))",
    )
    assert '"umbel@here": {"ok": "pong"}' in asked.stdout, asked
    assert '"celery@here": {"ok": "pong"}' in asked.stdout, asked
    answered = shop.processes.run(
        "-c",
        "from with_umbel import app; from umbel.control import Control\n"
        "answers = Control(app).ping(['umbel@here', 'celery@here'], timeout=20)\n"
        "print(sorted(name for one in answers for name in one))",
    )
    assert answered.stdout.strip() == "['celery@here', 'umbel@here']", answered
