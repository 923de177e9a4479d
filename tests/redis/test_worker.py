"""A real worker process over a real server: what a person sees who has written three lines and typed one command."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing

import pytest

from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link

HELLO = """
    import os, signal, time
    from umbel import Umbel

    app = Umbel("hello", broker={url!r}, backend={url!r})

    @app.task
    def add(x, y):
        return x + y

    @app.task
    def note(path, word):
        with open(path, "a") as file:
            file.write(word + "\\n")

    @app.task
    def hold(path):
        with open(path, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        time.sleep(60)

    @app.task(bind=True, max_retries=2)
    def again(self, path):
        with open(path, "a") as file:
            file.write(f"{{self.request.retries}}\\n")
        if self.request.retries < 2:
            raise self.retry(countdown=0.2)
        return "at last"
"""


@pytest.fixture
def hello(project, url):
    project.write("hello.py", HELLO.format(url=url))
    return project


@pytest.fixture
def shelf(url):
    shelf = open_broker(url, {}).shelf()
    yield shelf
    shelf.close()


def lines(path):
    return path.read_text().split() if path.exists() else []


def test_a_task_runs_and_its_result_comes_back(hello):
    worker = hello.forked_worker("hello", "-l", "info", "-c", "2")
    worker.until_output("ready.")
    said = hello.client("from hello import add; print(sum(add.delay(n, n).get(timeout=20) for n in range(20)))")
    assert said.stdout.strip() == "380", said
    assert worker.stop() == 0


def test_a_retry_waits_in_the_server(hello, tmp_path):
    worker = hello.forked_worker("hello", "-l", "info", "-c", "1")
    worker.until_output("ready.")
    path = tmp_path / "attempts"
    said = hello.client(f"from hello import again; print(again.delay({str(path)!r}).get(timeout=20))")
    assert said.stdout.strip() == "at last", said
    assert lines(path) == ["0", "1", "2"]


def test_a_child_that_kills_itself_three_times_is_set_aside(hello, shelf, tmp_path):
    """Each SIGKILL counts against the task that ran, and against no other."""
    path = tmp_path / "pids"
    worker = hello.forked_worker("hello", "-l", "info", "-c", "1")
    worker.until_output("ready.")
    said = hello.client(
        f"from hello import hold, add\nhold.delay({str(path)!r}); innocent = add.delay(1, 2); print(innocent.id)"
    )
    for number in range(3):
        assert until(lambda number=number: len(lines(path)) > number, worker.output, timeout=30)
        os.kill(int(lines(path)[number]), signal.SIGKILL)
    assert until(lambda: shelf.items("dead"), worker.output, timeout=30)
    (dead,) = shelf.items("dead")
    assert (dead.parcel.name, dead.deaths) == ("hello.hold", 3)
    assert "SIGKILL" in dead.reason
    assert len(lines(path)) == 3
    took = hello.client(f"from hello import app; print(app.AsyncResult({said.stdout.strip()!r}).get(timeout=20))")
    assert took.stdout.strip() == "3", took


def test_the_work_of_a_killed_worker_is_taken_by_another_within_ten_seconds(hello, url, tmp_path):
    """Supervisor and children die at once, nobody reports: their leases end by the server's clock."""
    path = tmp_path / "pids"
    first = hello.forked_worker("hello", "-l", "info", "-c", "1", "-n", "one@%h")
    first.until_output("ready.")
    second = hello.forked_worker("hello", "-l", "info", "-c", "1", "-n", "two@%h", "-Q", "other")
    second.until_output("ready.")
    hello.client(f"from hello import hold; hold.delay({str(path)!r})")
    assert until(lambda: lines(path), first.output, timeout=20)
    link = Link(Address.parse(url, {}))
    before = link.call("TIME")
    first.send_group(signal.SIGKILL)
    ready = until(lambda: link.call("ZCARD", "umbel:first:celery"), second.output, timeout=20)
    after = link.call("TIME")
    link.close()
    assert ready == 1
    assert int(after[0]) - int(before[0]) <= 10


def test_what_its_stores_say_is_printed_once(project, url):
    """By the supervisor, for each of the two; three children that store results find out too, and are silent."""
    other = url.removesuffix("0") + "1"
    text = HELLO.format(url=url).replace(f"backend={url!r}", f"backend={other!r}")
    project.write("hello.py", text)
    worker = project.forked_worker("hello", "-c", "3", "-l", "info")
    worker.until_output("ready.", timeout=20)
    sent = "from hello import add\nprint([one.get(timeout=20) for one in [add.delay(n, n) for n in range(60)]][-1])"
    assert project.client(sent).stdout.strip() == "118"
    said = [line for line in worker.output().splitlines() if "writes nothing to disk" in line]
    assert len(said) == 2, worker.output()
    assert all("MainProcess" in line for line in said)


def test_a_result_store_that_is_away_is_told_of_and_waited_for(project, url):
    project.write("hello.py", HELLO.format(url=url).replace(f"backend={url!r}", "backend='redis://127.0.0.1:1'"))
    worker = project.forked_worker("hello", "-c", "1", "-l", "info")
    output = worker.until_output("ready.", timeout=30)
    assert "Results cannot be stored now: redis://127.0.0.1:1/0 cannot be reached" in output


def test_a_result_store_that_cannot_serve_ends_the_start(project, url, own_server):
    with closing(Link(Address.parse(own_server.url, {}))) as link:
        link.call("REPLICAOF", "127.0.0.1", 1)
    project.write("hello.py", HELLO.format(url=url).replace(f"backend={url!r}", f"backend={own_server.url!r}"))
    said = project.umbel("-A", "hello", "worker", "-c", "1")
    assert said.returncode == 69
    assert "is a read-only replica of 127.0.0.1:1; name the primary" in said.stderr


def test_a_worker_waits_for_a_server_that_does_not_run_yet(project, own_server):
    own_server.stop()
    project.write("hello.py", HELLO.format(url=own_server.url))
    worker = project.forked_worker("hello", "-c", "1", "-l", "info", "-n", "early@%h")
    worker.until_output("Trying again in 2 s (1 of 100)", timeout=30)

    def health(what):
        said = project.umbel("health", what, "-n", "early@%h", "--json")
        return said.returncode, json.loads(said.stdout)["beat"]

    alive, first = health("--live")
    assert alive == 0, "an outage is no reason to kill a worker"
    assert health("--ready")[0] == 1
    until(lambda: health("--live")[1]["beat"] > first["beat"], timeout=30)
    own_server.start()
    output = worker.until_output("ready.", timeout=30)
    assert "cannot be reached" in output
    assert project.client("from hello import add; print(add.delay(1, 2).get(timeout=20))").stdout == "3\n"
    assert worker.stop() == 0


def test_waiting_for_a_server_ends_when_it_is_stopped_or_not_wanted(project):
    project.write("hello.py", HELLO.format(url="redis://127.0.0.1:1"))
    worker = project.forked_worker("hello", "-c", "1")
    worker.until_output("Trying again in ", timeout=30)
    assert worker.stop() == 0
    project.write("never.py", "from hello import app\n\napp.conf.broker_connection_retry_on_startup = False\n")
    said = project.umbel("-A", "never", "worker", "-c", "1")
    assert (said.returncode, "Trying again" in said.stderr) == (69, False), said
    assert "redis://127.0.0.1:1/0 cannot be reached" in said.stderr
