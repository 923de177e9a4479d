"""Real Celery 5.7 processes and umbel's on one server: each side calls the other, and both drain one queue."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.shop import EXPECTED, Shop
from umbel.adapters.redis.broker import open_broker


@pytest.fixture
def shop(project, url):
    """Messages and results in one Redis."""
    return Shop(project, url, url)


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


def test_celery_finds_its_messages_where_a_killed_umbel_worker_left_them(shop, url):
    """Given back to the list itself: a fleet can be moved back."""
    script = f"""
from umbel.adapters.redis.broker import open_broker
from umbel.broker import Owner, Want
broker = open_broker({url!r}, {{}})
owner = Owner(7, "gone@here", 1, "child", 0.0)
owners, consumer = broker.owners(), broker.consumer(owner)
owners.enlist(owner)
print(len(consumer.turn([], Want(("celery",), 10)).deliveries))
owners.retire(7)
"""
    sent = shop.project.client("from with_umbel import add; print([add.delay(n, n).id for n in range(3)])")
    assert sent.returncode == 0, sent
    took = shop.project.client(script)
    assert took.stdout.strip() == "3", took
    shop.celery_worker()
    read = f"from with_celery import app; print([app.AsyncResult(i).get(timeout=30) for i in {sent.stdout.strip()}])"
    said = shop.project.client(read, of="celery")
    assert said.stdout.strip() == "[0, 2, 4]", said
