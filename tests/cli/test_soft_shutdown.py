"""`worker_soft_shutdown_timeout`: a second signal, or SIGQUIT, leaves what runs a little more time."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.support.until import until


@pytest.fixture
def holding(shop, working):
    """A worker with that timeout, in the middle of a task of so many seconds; and the task's id."""

    def start(timeout, seconds, grace=25.0):
        settings = f"app.conf.update(worker_soft_shutdown_timeout={timeout}, worker_shutdown_grace={grace})"
        shop.write("soft.py", f"from shop import app\n{settings}\n")
        worker = working("-c", "1", app="soft")
        sent = shop.umbel("-q", "-A", "shop", "call", "shop.hold", "-a", json.dumps(["held.txt", seconds]))
        until((shop.folder / "held.txt").exists)
        return worker, sent.stdout.strip()

    return start


def hurry(worker):
    worker.send(signal.SIGTERM)
    worker.until_output("Warm shutdown")
    worker.send(signal.SIGTERM)
    return worker.until_output("Soft shutdown")


def test_what_ends_within_it_is_not_interrupted(shop, holding):
    worker, task_id = holding(20, 2)
    assert "handed back in 20 s" in hurry(worker)
    assert worker.wait() == 0
    assert shop.umbel("-A", "shop", "result", task_id).stdout == "held\n"


def test_what_does_not_is_handed_back(shop, holding):
    worker, task_id = holding(1, 60)
    start = time.monotonic()
    worker.send(signal.SIGQUIT)
    assert worker.wait() == 0
    assert 1 <= time.monotonic() - start < 10
    [ready] = json.loads(shop.umbel("-A", "shop", "messages", "list", "--json").stdout)
    assert (ready["id"], ready["deaths"]) == (task_id, 0)


def test_it_never_outlasts_the_grace_period(shop, holding):
    worker, _ = holding(60, 60, grace=1)
    assert "handed back in 1 s" in hurry(worker)
    start = time.monotonic()
    assert worker.wait() == 0
    assert time.monotonic() - start < 10


def test_one_more_signal_does_not_wait(shop, holding):
    worker, _ = holding(60, 60, grace=100)
    hurry(worker)
    start = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert time.monotonic() - start < 10
