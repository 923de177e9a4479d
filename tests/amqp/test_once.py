"""Messages that run once although RabbitMQ has them twice: claimed in the store of the results."""

from __future__ import annotations

import os
import signal
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
    worker = project.worker("twice", "-c", "3", "-l", "INFO")
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
        cut_off = project.worker("twice", "-c", "1", "-l", "INFO", "-n", "a@here", env={"WAY": network.url(url)})
        sent = send(twice, "long", 1)
        until(lambda: began("long"), cut_off.output, timeout=30)
        other = project.worker("twice", "-c", "1", "-l", "INFO", "-n", "b@here")
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
