"""The server, connections, children and whole workers ended while tasks drain; results are elsewhere, in a file."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal

import pytest

from tests.support import scale
from tests.support.processes import descendants
from tests.support.until import until
from umbel import Umbel, clock

TASKS = """
    import os, time
    from umbel import Umbel

    app = Umbel("chaos", broker={broker!r}, backend={backend!r})

    @app.task
    def work(number):
        log = os.open("ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b"%d\\n" % number)
        os.close(log)
        time.sleep(0.002)
        return number

    @app.task
    def hold(seconds):
        log = os.open("held", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b"x\\n")
        os.close(log)
        time.sleep(seconds)
        return "held"
"""


@pytest.fixture
def chaos(project, own_rabbitmq):
    backend = f"sqlite:///{project.folder}/results.db"
    project.write("chaos.py", TASKS.format(broker=own_rabbitmq.url, backend=backend))
    with Umbel("chaos", broker=own_rabbitmq.url, backend=backend) as app:
        yield app


VICTIMS = ("connections", "child", "worker", "alarm", "server", "silence")
"""In this order first, then at random; a small run has the first five."""


def lines(path):
    return path.read_text().split() if path.exists() else []


@pytest.mark.chaos
@scale.limit(240)
def test_nothing_is_lost_when_server_and_workers_are_killed(project, chaos, own_rabbitmq):
    """Row 13 of tests/pains."""
    total, began = scale.count(full=5_000, small=800), scale.seed()
    chance, kills = random.Random(began), collections.Counter()
    work = chaos.task(name="chaos.work")(lambda number: number)
    results = list(work.delay_many([(number,) for number in range(total)]))
    worker = ready_worker(project)
    settled = clock.monotonic() + 5.0  # RabbitMQ 3.10 never finds a stream again that it made a second before its death
    ran = project.folder / "ran"
    for part in range(1, scale.count(full=24, small=5) + 1):
        until(lambda part=part: len(set(lines(ran))) >= total * part // 40, worker.output, timeout=90)
        victim = chance.choice(VICTIMS) if part > len(VICTIMS) else VICTIMS[part - 1]
        until(lambda victim=victim: victim != "server" or clock.monotonic() > settled, "the stream to be old")
        kills[victim] += 1
        hurt(victim, own_rabbitmq, worker, chance)
        if victim == "alarm":
            with own_rabbitmq.memory_alarm():  # all of them are blocked, and go on with what the server never lost
                over = (len(lines(ran)) + 30, clock.monotonic() + (10 if kills["server"] else 60))
                until(
                    lambda over=over: len(lines(ran)) >= min(over[0], total) or clock.monotonic() > over[1], timeout=70
                )
                assert kills["server"] or len(lines(ran)) >= min(over[0], total), worker.output()
        elif victim == "worker":
            worker = ready_worker(project)
    until(lambda: all(result.ready() for result in results), worker.output, timeout=120, step=0.2)
    states = collections.Counter(result.state for result in results)
    counts = collections.Counter(lines(ran))
    print(f"seed {began}: {total} tasks, {sum(counts.values()) - total} repeated, {dict(kills)}")
    assert states == {"SUCCESS": total}
    assert len(counts) == total
    assert sum(counts.values()) - total <= 50 * sum(kills.values()), "more than the kills justify"
    assert worker.stop() == 0


@pytest.mark.chaos
@scale.limit(120)
def test_a_task_outlives_its_server_and_runs_once(project, chaos, own_rabbitmq):
    """Stopped for some seconds and started again while three children work; what they do is not done by others.

    Row 12 of tests/pains.
    """
    hold = chaos.task(name="chaos.hold")(lambda seconds: seconds)
    results = [hold.delay(12) for _ in range(2)]
    worker = project.worker("chaos", "-c", "3")
    held = project.folder / "held"
    assert until(lambda: len(lines(held)) == 2, worker.output, timeout=60)
    own_rabbitmq.stop()
    own_rabbitmq.start()
    assert [result.get(timeout=60) for result in results] == ["held", "held"], worker.output()
    work = chaos.task(name="chaos.work")(lambda number: number)
    assert work.delay(7).get(timeout=60) == 7, worker.output()
    assert len(lines(held)) == 2
    assert worker.stop() == 0


def ready_worker(project):
    """One whose start has not to be tried again: a worker that finds no server says so and ends."""
    worker = project.worker("chaos", "-c", "3", "-l", "info")
    worker.until_output("ready.", timeout=60)
    return worker


def hurt(victim, server, worker, chance):
    """End one of them, or have the server say nothing for a minute."""
    match victim:
        case "server":
            server.kill()
            server.start()
        case "connections":
            server.ctl("close_all_connections", "for a test")
        case "child":
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(chance.choice(descendants(worker.pid)[1:]), signal.SIGKILL)
        case "worker":
            worker.send_group(signal.SIGKILL)
        case "silence":
            end = clock.monotonic() + 60
            os.kill(server.pid, signal.SIGSTOP)
            try:
                until(lambda: clock.monotonic() > end, "a minute", timeout=70)
            finally:
                os.kill(server.pid, signal.SIGCONT)
