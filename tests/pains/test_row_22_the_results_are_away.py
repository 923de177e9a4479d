"""Row 22: the results are on a server of their own, which is away while tasks end: none is lost or runs again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.support.scale import count
from tests.support.servers import Redis, redis_server
from tests.support.until import until
from umbel import Umbel

TASKS = """
import os, time
from umbel import Umbel

app = Umbel("apart", broker={broker!r}, backend={results!r}, result_backend_transport_options={{"timeout": 1.0}})

@app.task
def note(number):
    while number >= 20 and not os.path.exists("away"):
        time.sleep(0.01)
    fd = os.open("ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, b"%d\\n" % number)
    os.close(fd)
    return number
"""


@pytest.fixture
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server of their own, which loses nothing when it is killed."""
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    with redis_server(tmp_path_factory.mktemp("results"), *durable) as results:
        yield results


def ran(project: Project) -> list[int]:
    path: Path = project.folder / "ran"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.mark.parametrize(
    ("store", "pool"),
    [("redis", ("-c", "2")), ("redis", ("-P", "thread", "-c", "4")), ("rabbitmq", ("-c", "2"))],
    indirect=["store"],
)
def test_a_thousand_tasks_end_while_the_results_are_away(
    project: Project, store: str, results: Redis, pool: tuple[str, ...]
) -> None:
    total = count(full=2_000, small=300)
    project.write("apart.py", TASKS.format(broker=store, results=results.url))
    worker = project.forked_worker("apart", *pool, "-l", "INFO")
    worker.until_output("ready.", timeout=30)
    before = set(worker.children())
    with Umbel("apart", broker=store, backend=results.url) as app:
        sent = [app.send_task("apart.note", (number,)) for number in range(total)]
        until(lambda: ran(project), worker.output, timeout=30)
        results.kill()
        (project.folder / "away").touch()
        until(lambda: worker.output().count("does not answer") > 0, worker.output, timeout=30)
        results.start()
        assert [result.get(timeout=60) for result in sent] == list(range(total))
        assert_empty(app)
    assert sorted(ran(project)) == list(range(total)), "nothing ran twice"
    assert set(worker.children()) == before
    assert worker.stop() == 0


def assert_empty(app: Any) -> None:
    shelf = app.broker.shelf()
    until(lambda: not shelf.counts(), lambda: f"{shelf.counts()}", timeout=20)
    shelf.close()
