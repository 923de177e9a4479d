"""Real Celery 5.7 processes and umbel's on one RabbitMQ: each side calls the other, and both drain one queue."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.redis.test_chords_with_celery import ADDED, CLIENT, NESTED, OVER_ONE, SIDES, ran
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


def setting(shop, text):
    """Have umbel's side so configured."""
    module = shop.project.folder / "with_umbel.py"
    module.write_text(f"{module.read_text()}\napp.conf.{text}\n")


def test_a_chord_is_joined_in_redis_once_whoever_is_last(shop):
    """Members and bodies on either side, bodies that fail and groups among them; then members that others add."""
    setting(shop, 'task_create_missing_queue_type = "classic"  # as Celery has it')
    shop.celery_worker("-Q", "of-celery")
    shop.umbel_worker("-Q", "of-umbel")
    said = shop.processes.run("-c", CLIENT.format(client="umbel"), timeout=120)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == 4 * [28, "ChordErrorTrue", [[2, 4, 6]] * 2]
    for last in SIDES:
        for where in SIDES:
            assert ran(shop.project, f"ran-good-{last}-{where}") == {"28": 1}
            assert ran(shop.project, f"heard-bad-{last}-{where}") == {"ChordError": 1}
            assert ran(shop.project, f"ran-bad-{last}-{where}") == {}
    said = shop.processes.run("-c", ADDED.format(client="umbel"), timeout=120)
    assert json.loads(said.stdout) == [25] * 8, said.stderr
    assert ran(shop.project, "ran") == {"25": 8}


def test_what_only_umbel_can_run_goes_where_it_is_told(shop):
    """A Celery client sends chords over a queue that both serve, and each body runs once."""
    setting(shop, 'task_routes = {"umbel.go_on": "umbel"}')
    workers = [shop.celery_worker(), shop.umbel_worker("-Q", "celery,umbel")]
    said = shop.processes.run("-c", OVER_ONE.format(client="celery"), timeout=120)
    assert said.returncode == 0, (said.stderr, [worker.output()[-3000:] for worker in workers])
    assert json.loads(said.stdout) == [[6] * 20, [[[0, 2, 4]] * 2] * 20, ["ChordError"] * 20, NESTED]
    assert [ran(shop.project, f"ran-{number}") for number in range(20)] == [{"6": 1}] * 20
    assert ran(shop.project, "ran-bad") == {}
    assert "unregistered" not in workers[0].output()


def test_celerys_remote_control_reaches_umbels_worker_and_the_other_way(shop):
    """Both answer over the same exchanges."""
    shop.umbel_worker("-n", "umbel@here")
    shop.celery_worker("-n", "celery@here")
    asked = shop.project.client(
        "import json; from with_celery import app; print(json.dumps(app.control.ping(timeout=10, limit=2)))",
        of="celery",
    )
    assert '"umbel@here": {"ok": "pong"}' in asked.stdout, asked
    assert '"celery@here": {"ok": "pong"}' in asked.stdout, asked
    answered = shop.project.client(
        "from with_umbel import app; from umbel.control import Control\n"
        "answers = Control(app).ping(['umbel@here', 'celery@here'], timeout=20)\n"
        "print(sorted(name for one in answers for name in one))",
    )
    assert answered.stdout.strip() == "['celery@here', 'umbel@here']", answered
