"""The server, children and whole workers killed while tasks drain; the server writes each command to disk at once."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal

import pytest

from tests.support import scale
from tests.support.processes import descendants
from tests.support.servers import redis_server
from tests.support.until import until
from umbel import Umbel
from umbel.exceptions import OperationalError

TASKS = """
    import os, time
    from umbel import Umbel

    app = Umbel("chaos", broker={url!r}, backend={url!r})

    @app.task
    def work(number):
        log = os.open("ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b"%d\\n" % number)
        os.close(log)
        time.sleep(0.002)
        return number
"""


@pytest.fixture
def server(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


def runs(project):
    """How often each number was run."""
    log = project.folder / "ran"
    return collections.Counter(map(int, log.read_text().split())) if log.exists() else collections.Counter()


@pytest.mark.chaos
@scale.limit(120)
def test_nothing_is_lost_when_server_and_workers_are_killed(project, server):
    total, began = scale.count(full=10_000, small=1_500), scale.seed()
    chance, kills = random.Random(began), collections.Counter()
    project.write("chaos.py", TASKS.format(url=server.url))
    with Umbel("chaos", broker=server.url, backend=server.url) as app:
        work = app.task(name="chaos.work")(lambda number: number)
        results = list(work.delay_many([(number,) for number in range(total)]))
        worker = project.worker("chaos", "-c", "3")
        for part in range(1, scale.count(full=40, small=6) + 1):
            until(lambda part=part: len(runs(project)) >= total * part // 50, timeout=60)
            victim = chance.choice(["server", "stop", "child", "worker"]) if part > 4 else part
            kills[hurt(victim, server, worker, chance)] += 1
            if victim in ("worker", 4):
                worker = project.worker("chaos", "-c", "3")
        until(lambda: counted(app) == [], lambda: f"{counted(app)}", timeout=100, step=0.2)
        states = collections.Counter(result.state for result in results)
        assert worker.stop() == 0
    repeated = sum(runs(project).values()) - total
    print(f"seed {began}: {total} tasks, {repeated} repeated, {dict(kills)}")
    assert states == {"SUCCESS": total}
    assert set(runs(project)) == set(range(total))
    assert repeated <= 3 * sum(kills.values()), "more than the kills justify"


def hurt(victim, server, worker, chance):
    """Kill or stop one of them; returns what."""
    if victim in ("server", 1):
        server.kill()
        server.start()
        return "server"
    if victim in ("stop", 2):
        os.kill(server.pid, signal.SIGSTOP)
        with contextlib.suppress(AssertionError):  # nothing can run now: a pause with a reason to end early
            until(lambda: worker.code is not None, timeout=chance.uniform(0.5, 2.0))
        os.kill(server.pid, signal.SIGCONT)
        return "stop"
    family = descendants(worker.pid)
    if victim in ("child", 3):
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(family[1:]), signal.SIGKILL)
        return "child"
    worker.stop(signal.SIGKILL)
    return "worker"


def counted(app):
    """Sizes of what is not done; an answer that does not come is asked for again."""
    try:
        with contextlib.closing(app.broker.shelf()) as shelf:
            return shelf.counts()
    except OperationalError:
        return ["no answer"]
