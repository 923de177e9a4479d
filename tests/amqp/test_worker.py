"""A real worker process over a real server: what a person sees who has written three lines and typed one command."""

from __future__ import annotations

import os
import signal

import pytest

from tests.amqp.hello import HELLO, lines
from tests.support.until import until
from umbel.adapters.amqp.broker import open_broker


@pytest.fixture
def hello(project, url, tmp_path):
    project.write("hello.py", HELLO.format(url=url.replace("amqp://", "pyamqp://"), results=tmp_path / "results.db"))
    return project


@pytest.fixture
def shelf(url):
    shelf = open_broker(url, {}).shelf()
    yield shelf
    shelf.close()


def test_a_task_runs_and_its_result_comes_back(hello):
    worker = hello.forked_worker("hello", "-l", "info", "-c", "2")
    worker.until_output("ready.")
    assert "note     delays go by the clock of the server" in worker.output()
    said = hello.client("from hello import add; print(sum(add.delay(n, n).get(timeout=20) for n in range(20)))")
    assert said.stdout.strip() == "380", said
    assert worker.stop() == 0


def test_a_child_that_kills_itself_three_times_is_set_aside(hello, shelf, tmp_path):
    """Each SIGKILL counts against the task that ran, and against no other; its dead letter can be sent again.

    Rows 1 and 38 of tests/pains.
    """
    path = tmp_path / "pids"
    worker = hello.forked_worker("hello", "-l", "info", "-c", "1")
    worker.until_output("ready.")
    said = hello.client(
        f"from hello import hold, add\nhold.delay({str(path)!r}, 60); innocent = add.delay(1, 2); print(innocent.id)"
    )
    for number in range(3):
        assert until(lambda number=number: len(lines(path)) > number, worker.output, timeout=60)
        os.kill(int(lines(path)[number]), signal.SIGKILL)
    assert until(lambda: shelf.items("dead"), worker.output, timeout=60)
    (dead,) = shelf.items("dead")
    assert (dead.parcel.name, dead.deaths) == ("hello.hold", 3)
    assert "SIGKILL" in dead.reason
    assert len(lines(path)) == 3
    took = hello.client(f"from hello import app; print(app.AsyncResult({said.stdout.strip()!r}).get(timeout=20))")
    assert took.stdout.strip() == "3", took
    assert shelf.replay([dead.tag]) == 1
    assert until(lambda: len(lines(path)) == 4, worker.output, timeout=60)


def test_early_acknowledgement_means_never_twice(hello, tmp_path):
    """The child is killed in the middle of it: the task fails, whoever gets its message afterwards."""
    path = tmp_path / "pids"
    worker = hello.forked_worker("hello", "-l", "info", "-c", "1")
    worker.until_output("ready.")
    said = hello.client(f"from hello import once; print(once.delay({str(path)!r}).id)")
    assert until(lambda: lines(path), worker.output, timeout=60)
    os.kill(int(lines(path)[0]), signal.SIGKILL)
    took = hello.client(
        f"from hello import app; print(type(app.AsyncResult({said.stdout.strip()!r}).get(timeout=60, propagate=False)))"
    )
    assert "WorkerLostError" in took.stdout, took
    assert len(lines(path)) == 1


@pytest.mark.long
def test_a_task_outlives_its_connection_and_runs_once(hello, rabbitmq, tmp_path):
    """The server ends all connections while two children work: each goes on, and nobody takes its task over.

    Row 12 of tests/pains.
    """
    path = tmp_path / "pids"
    worker = hello.forked_worker("hello", "-l", "info", "-c", "3")
    worker.until_output("ready.")
    said = hello.client(
        f"""
        from hello import hold
        print(*[hold.delay({str(path)!r}, 8).id for _ in range(2)])
        """
    )
    assert until(lambda: len(lines(path)) == 2, worker.output, timeout=60)
    rabbitmq.ctl("close_all_connections", "for a test")
    took = hello.client(
        f"from hello import app; print(*[app.AsyncResult(i).get(timeout=60) for i in {said.stdout.split()!r}])"
    )
    assert took.stdout.split() == ["held", "held"], worker.output()
    done = hello.client("from hello import add; print(add.delay(1, 1).get(timeout=60))")
    assert done.stdout.strip() == "2", done
    assert len(lines(path)) == 2


@pytest.mark.long
def test_a_task_longer_than_the_consumer_timeout_runs_once(project, url, rabbitmq, tmp_path):
    """Its delivery is given up in time; a copy goes round meanwhile, and is dropped when the task is done.

    Row 2 of tests/pains.
    """
    source = HELLO.format(url=f"{url}?consumer_timeout=3", results=tmp_path / "results.db")
    project.write("hello.py", source)
    path = tmp_path / "pids"
    worker = project.forked_worker("hello", "-l", "info", "-c", "2")
    worker.until_output("ready.")
    said = project.client(f"from hello import hold; print(hold.delay({str(path)!r}, 12).get(timeout=60))")
    assert said.stdout.strip() == "held", said
    done = project.client("from hello import add; print(add.delay(1, 1).get(timeout=60))")
    assert done.stdout.strip() == "2", done
    assert len(lines(path)) == 1
    assert "umbel.pause.5000" in rabbitmq.ctl("list_queues", "-p", url.rpartition("/")[2], "name")
    assert worker.stop() == 0


def test_the_work_of_a_killed_worker_is_taken_by_another(hello, tmp_path):
    """Supervisor and children die at once, and nobody reports it. Row 3 of tests/pains."""
    path = tmp_path / "pids"
    first = hello.forked_worker("hello", "-l", "info", "-c", "1", "-n", "one@%h")
    first.until_output("ready.")
    hello.client(f"from hello import hold; hold.delay({str(path)!r}, 60)")
    assert until(lambda: lines(path), first.output, timeout=60)
    second = hello.forked_worker("hello", "-l", "info", "-c", "1", "-n", "two@%h")
    second.until_output("ready.")
    first.send_group(signal.SIGKILL)
    assert until(lambda: len(lines(path)) == 2, second.output, timeout=60)


def test_expired_unknown_and_urgent_tasks(project, url, shelf, tmp_path):
    """Recorded and not run; parked and then set aside with the reason; run before the others of their queue."""
    source = HELLO.format(url=url, results=tmp_path / "results.db")
    path = tmp_path / "order"
    project.write(
        "hello.py",
        f"""{source}
    app.conf.task_unknown_hold = 2
    app.conf.task_queues = [Queue("mail", max_priority=9)]
    app.conf.task_default_queue = "mail"

    @app.task
    def note(number):
        with open({str(path)!r}, "a") as file:
            file.write(f"{{number}}\\n")
    """.replace("from umbel import Umbel", "from umbel import Umbel\n    from umbel.routing import Queue"),
    )
    said = project.client(
        """
        from hello import app, note
        for number in (0, 5, 9, 5):
            note.apply_async((number,), priority=number)
        print(note.apply_async((100,), expires=0.01).id, app.send_task("hello.nobody").id)
        """
    )
    assert said.returncode == 0, said
    expired, unknown = said.stdout.split()
    worker = project.forked_worker("hello", "-l", "info", "-c", "1")
    until(lambda: len(lines(path)) == 4, worker.output, timeout=60)
    assert lines(path) == ["9", "5", "5", "0"]
    until(lambda: shelf.items("dead"), worker.output, timeout=60)
    (dead,) = shelf.items("dead")
    assert (dead.parcel.id, dead.parcel.name) == (unknown, "hello.nobody")
    code = f"from hello import app; print(*[app.AsyncResult(i).state for i in ({expired!r}, {unknown!r})])"
    assert project.client(code).stdout.split() == ["REVOKED", "FAILURE"], worker.output()
    assert len(lines(path)) == 4
    assert worker.stop() == 0
