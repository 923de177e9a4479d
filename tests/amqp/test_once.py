"""Messages that run once although RabbitMQ has them twice: claimed in the store of the results."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.support import scale
from tests.support.servers import redis_server
from tests.support.until import until
from umbel import Umbel
from umbel.message import ONCE_HEADER
from umbel.testing.network import Network

TASKS = """
    import os, time
    from umbel import Umbel

    app = Umbel("twice", broker=os.environ.get("WAY") or {broker!r}, backend={results!r})

    @app.task
    def hold(name):
        log = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b"%d\\n" % os.getpid())
        os.close(log)
        while not os.path.exists(name + "-goes"):
            time.sleep(0.02)
        return "held"

    @app.task(ignore_result=True)
    def note(number):
        log = os.open("notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b"%d begins %d\\n" % (number, os.getpid()))
        time.sleep(0.02)
        os.write(log, b"%d ends %d\\n" % (number, os.getpid()))
        os.close(log)
"""


@pytest.fixture(params=["redis", *["sqlite"] * bool(scale.factor())])
def twice(request, project, url, tmp_path_factory):
    """The project's app; a worker of it with three children."""
    if request.param == "redis":
        with redis_server(tmp_path_factory.mktemp("redis")) as server:
            yield from opened(project, url, server.url)
    else:
        yield from opened(project, url, f"sqlite:///{project.folder}/results.db")


def opened(project, url, results):
    project.write("twice.py", TASKS.format(broker=url, results=results))
    with Umbel("twice", broker=url, backend=results) as app:
        yield app


@pytest.fixture
def began(project):
    """Process ids of those who began a task, by its name."""

    def began(name):
        path = project.folder / name
        return path.read_text().split() if path.exists() else []

    return began


def send(app, name, times, **options):
    for _ in range(times):
        options |= {"task_id": name, "headers": {ONCE_HEADER: True}}
        sent = app.send_task("twice.hold", (name,), **options)
    return sent


def test_a_second_message_waits_for_the_first_and_outlives_it(project, twice, began):
    """Both were there at once: one runs. When the process of one is killed, what waited runs, and nothing is lost."""
    worker = project.forked_worker("twice", "-c", "3", "-l", "INFO")
    send(twice, "calm", 2, ignore_result=True)
    send(twice, "hurt", 2, ignore_result=True)
    until(lambda: began("calm") and began("hurt"), worker.output, timeout=30)
    until(lambda: worker.output().count("a second message of it waits") == 2, worker.output, timeout=20)
    (project.folder / "calm-goes").touch()
    worker.until_output("Task calm has ended: a second message of it is dropped", timeout=20)
    (pid,) = began("hurt")
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: len(began("hurt")) == 2, worker.output, timeout=30)
    (project.folder / "hurt-goes").touch()
    worker.until_output("Task hurt has ended: a second message of it is dropped", timeout=20)
    assert (len(began("calm")), len(began("hurt"))) == (1, 2)
    with closing(twice.broker.shelf()) as shelf:
        until(lambda: not shelf.counts() and not shelf.hidden(), lambda: f"{shelf.counts()} {shelf.hidden()}")
    assert worker.stop(signal.SIGTERM) == 0


def test_a_task_whose_message_went_to_another_worker_runs_once(project, twice, began, url):
    """Its worker loses the server for so long that the message is taken by another one, who waits for the claim. The
    outcome of the first counts, although its message is not its own any more.
    """
    with Network(urlsplit(url).port) as network:
        cut_off = project.forked_worker("twice", "-c", "1", "-l", "INFO", "-n", "a@here", env={"WAY": network.url(url)})
        sent = send(twice, "long", 1)
        until(lambda: began("long"), cut_off.output, timeout=30)
        other = project.forked_worker("twice", "-c", "1", "-l", "INFO", "-n", "b@here")
        other.until_output("ready.", timeout=30)
        network.refuse()
        network.drop()
        other.until_output("Task long runs elsewhere: a second message of it waits", timeout=30)
        network.heal()
        (project.folder / "long-goes").touch()
        assert sent.get(timeout=30) == "held"
        other.until_output("Task long has ended: a second message of it is dropped", timeout=30)
        assert len(began("long")) == 1
        assert [worker.stop(timeout=40) for worker in (cut_off, other)] == [0, 0]


@pytest.mark.chaos
@scale.limit(90)
def test_three_messages_of_each_over_children_that_are_killed(project, twice):
    """Each task runs, and once more only where its process was killed in it, or before that was known."""
    total, kills, seed = scale.count(full=3_000, small=60), scale.count(full=100, small=1), scale.seed()
    print(f"seed {seed}")
    worker = project.forked_worker("twice", "-c", "3", "-l", "WARNING")
    parcels = [
        twice.build("twice.note", (number,), {}, task_id=f"note-{number}", headers={ONCE_HEADER: True})
        for number in range(total)
    ] * 3
    random.Random(seed).shuffle(parcels)
    twice.publish(parcels)

    def notes(word):
        path = project.folder / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split()[0] for line in lines if line.split()[1:2] == [word])

    for number in range(1, kills + 1):
        until(lambda: notes("ends").total() >= total * number // (kills + 2), worker.output, timeout=90)  # noqa: B023
        os.kill(worker.children()[-1], signal.SIGKILL)
    until(lambda: len(notes("ends")) == total, worker.output, timeout=120)
    with closing(twice.broker.shelf()) as shelf:
        until(lambda: not shelf.counts() and not shelf.hidden(), worker.output, timeout=60)
    assert worker.stop(timeout=40) == 0
    assert notes("begins").total() <= total + kills
