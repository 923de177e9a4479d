"""Real workers whose messages are in a SQLite file and whose results are in a database, also while it is away."""

from __future__ import annotations

import pytest

from tests.support.until import until
from umbel.adapters.database import open_backend

APP = """
    import pathlib, time
    from umbel import Umbel

    app = Umbel("shop", broker="sqlite:///shop.db", backend="{url}")
    app.conf.update({settings})

    @app.task
    def add(a, b):
        return a + b

    @app.task
    def noted(number):
        with open("runs.txt", "a") as runs:
            runs.write(f"{{number}}\\n")
        return number

    @app.task
    def boom():
        raise ValueError("bad", 42)

    @app.task(bind=True)
    def half(self):
        self.update_state(state="PROGRESS", meta={{"done": 50}})
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
        return "whole"
"""


@pytest.fixture
def shop(project):
    """Writes the program over a URL."""

    def write(url, **settings):
        project.write("shop.py", APP.format(url=url, settings=repr(settings)))
        return project

    return write


def started(project, *options):
    worker = project.worker("shop", "-c", "2", "-l", "info", *options)
    worker.until_output("ready")
    return worker


def said(project, code):
    done = project.python(f"from shop import *\n{code}", timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_results_of_a_worker_are_read_by_its_clients(shop, url):
    project = shop(url)
    worker = started(project)
    assert said(project, "print(add.delay(2, 3).get(timeout=20))") == "5"
    assert said(project, "print(repr(boom.delay().get(timeout=20, propagate=False)))") == "ValueError('bad', 42)"
    assert said(project, "print(sum(r.get(timeout=20) for r in [add.delay(n, 1) for n in range(300)]))") == "45150"
    seen = """
import time
result = half.delay()
while result.state != "PROGRESS":
    time.sleep(0.01)
print(result.info)
open("go", "w").close()
print(result.get(timeout=20))
    """
    assert said(project, seen).splitlines() == ["{'done': 50}", "whole"]
    assert worker.stop() == 0


def test_a_coroutine_waits_for_thousands(shop, url):
    project = shop(url)
    worker = started(project)
    code = """
import asyncio
async def main():
    sent = [add.delay(n, 0) for n in range(2000)]
    return sum(await asyncio.gather(*(r.aget(timeout=40) for r in sent)))
print(asyncio.run(main()))
    """
    assert said(project, code) == "1999000"
    assert worker.stop() == 0


def outage_by_freezing(server):
    server.freeze()
    return lambda: server.freeze(False)


def outage_by_kill(server):
    server.kill()
    return server.start


@pytest.mark.alone
@pytest.mark.parametrize("outage", [outage_by_freezing, outage_by_kill])
def test_outcomes_are_kept_while_the_database_is_away(shop, own_postgresql, outage):
    """All run once, all are stored when it is back, and none of it twice."""
    url = f"db+{own_postgresql.url()}"
    project = shop(url, result_backend_transport_options={"timeout": 0.5})
    worker = started(project)
    patient = "app.conf.result_backend_transport_options = {}"  # the worker's half a second is short for a busy machine
    assert said(project, f"{patient}\nprint(noted.delay(-1).get(timeout=20))") == "-1"
    end = outage(own_postgresql)
    ids = said(project, "print(*[noted.delay(n).id for n in range(40)])").split()
    runs = project.folder / "runs.txt"
    worker.until_output("outcomes wait")
    until(lambda: len(runs.read_text().split()) > 1, "a run while the database is away")
    end()
    backend = open_backend(url, {})
    until(lambda: len(backend.fetch(ids)) == 40, worker.output, timeout=30)
    assert {one.status for one in backend.fetch(ids).values()} == {"SUCCESS"}
    assert sorted(map(int, runs.read_text().split())) == [-1, *range(40)]
    worker.until_output("The store answers again")
    assert worker.stop() == 0
    backend.close()
