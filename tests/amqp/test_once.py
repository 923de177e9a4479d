"""Messages that run once although RabbitMQ has them twice: claimed in the store of the results."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import pytest

from tests.support import scale
from tests.support.servers import redis_server
from tests.support.until import until
from umbel import Umbel
from umbel.message import ONCE_HEADER

TASKS = """
    import os, time
    from umbel import Umbel

    app = Umbel("twice", broker={broker!r}, backend={results!r})

    @app.task(ignore_result=True)
    def hold(name):
        log = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b"%d\\n" % os.getpid())
        os.close(log)
        while not os.path.exists(name + "-goes"):
            time.sleep(0.02)
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


def send(app, name, times):
    for _ in range(times):
        app.send_task("twice.hold", (name,), task_id=name, headers={ONCE_HEADER: True})


def test_a_second_message_waits_for_the_first_and_outlives_it(project, twice):
    """Both were there at once: one runs. When the process of one is killed, what waited runs, and nothing is lost."""
    worker = project.worker("twice", "-c", "3", "-l", "INFO")

    def began(name):
        path = project.folder / name
        return path.read_text().split() if path.exists() else []

    send(twice, "calm", 2)
    send(twice, "hurt", 2)
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
