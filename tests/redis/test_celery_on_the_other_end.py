"""Real Celery 5.7 processes and umbel's on one server: each side calls the other, and both drain one queue."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest

from tests.support.until import until
from umbel.adapters.redis.broker import open_broker

TASKS = """
    import os, sys
    from {module} import {name}

    app = {name}("shop", broker={url!r}, backend={url!r})

    @app.task(name="shop.add")
    def add(x, y):
        return x + y

    @app.task(name="shop.fail")
    def fail(word):
        raise LookupError(word)

    @app.task(name="shop.note")
    def note(path, number):
        with open(path, "a") as file:
            file.write(f"{{number}} {module}\\n")

    @app.task(name="shop.again", bind=True, max_retries=3)
    def again(self):
        if self.request.retries < 2:
            raise self.retry(countdown=0.3)
        return self.request.retries
"""
CALLS = """
    import json
    from {module} import add, again, app, fail, note
    values = [add.delay(2, 3).get(timeout=30), again.delay().get(timeout=30)]
    values.append(add.apply_async((4, 4), countdown=1).get(timeout=30))
    values += [add.apply_async((p, 0), priority=p).get(timeout=30) for p in (0, 3, 5, 9)]
    try:
        fail.delay("out of stock").get(timeout=30)
    except LookupError as error:
        values.append(str(error))
    print(json.dumps(values))
"""
EXPECTED = [5, 2, 8, 0, 3, 5, 9, "out of stock"]


@pytest.fixture
def shop(project, url):
    """One program twice: as Celery has it, and as umbel has it."""
    project.write("with_celery.py", TASKS.format(module="celery", name="Celery", url=url))
    project.write("with_umbel.py", TASKS.format(module="umbel", name="Umbel", url=url))
    return project


def celery_worker(shop, *options):
    command = (sys.executable, "-m", "celery", "-A", "with_celery", "worker", "-c", "2", "-l", "info", *options)
    worker = shop.processes.start(*command)
    worker.until_output("ready.", timeout=40)
    return worker


def umbel_worker(shop):
    worker = shop.worker("with_umbel", "-c", "2", "-l", "info")
    worker.until_output("ready.", timeout=20)
    return worker


def called_from(shop, module):
    said = shop.processes.run("-c", "\n".join(line[4:] for line in CALLS.format(module=module).splitlines()))
    assert said.returncode == 0, said
    return json.loads(said.stdout)


def test_a_celery_client_calls_an_umbel_worker(shop):
    umbel_worker(shop)
    assert called_from(shop, "with_celery") == EXPECTED


def test_an_umbel_client_calls_a_celery_worker(shop):
    celery_worker(shop)
    assert called_from(shop, "with_umbel") == EXPECTED


def test_one_queue_is_drained_by_both(shop, url, tmp_path):
    """Sent by both, run by both, each message once."""
    path, each = tmp_path / "done", 500
    send = "from {} import note\nfor number in range({}, {}): note.delay({!r}, number)"
    for module, start in (("with_celery", 0), ("with_umbel", each)):
        said = shop.processes.run("-c", send.format(module, start, start + each, str(path)))
        assert said.returncode == 0, said
    workers = [celery_worker(shop), umbel_worker(shop)]
    total = 2 * each

    def done():
        return path.exists() and path.read_text().count("\n") >= total

    until(done, lambda: "\n".join(worker.output()[-2000:] for worker in workers), timeout=60)
    ran = [line.split() for line in path.read_text().splitlines()]
    assert Counter(int(number) for number, _ in ran) == Counter(range(total))
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
    sent = shop.processes.run("-c", "from with_umbel import add; print([add.delay(n, n).id for n in range(3)])")
    assert sent.returncode == 0, sent
    took = shop.processes.run("-c", script)
    assert took.stdout.strip() == "3", took
    celery_worker(shop)
    read = f"from with_celery import app; print([app.AsyncResult(i).get(timeout=30) for i in {sent.stdout.strip()}])"
    said = shop.processes.run("-c", read)
    assert said.stdout.strip() == "[0, 2, 4]", said
