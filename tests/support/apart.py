"""A program whose messages are in a SQLite file and whose results are in another store, and what is to be true of it.

The worker gives its results half a second, so that an outage shows soon; whoever asks for them has the time that a busy
machine needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import scale
from .until import until

APP = """
    import pathlib, time
    from umbel import Umbel

    app = Umbel("shop", broker="sqlite:///shop.db", backend={url!r})
    app.conf.update({settings!r})

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
HASTY: Mapping[str, Any] = {"result_backend_transport_options": {"timeout": 0.5}}
MANY = scale.count(full=2000, small=1200)
"""Results in one event loop: more than any bound on the parameters of a statement."""
PATIENT = "app.conf.result_backend_transport_options = {}"


class Apart:
    """The program in a project.

    Args:
        project: the fixture.
        url: of the results.
        settings: of the program.
    """

    def __init__(self, project, url: str, **settings: Any) -> None:
        self.project = project
        self.runs = project.folder / "runs.txt"
        project.write("shop.py", APP.format(url=url, settings=settings))

    def worker(self):
        """A worker that is ready."""
        worker = self.project.forked_worker("shop", "-c", "2", "-l", "info")
        worker.until_output("ready.", timeout=30)
        return worker

    def said(self, code: str) -> str:
        """What a client prints."""
        done = self.project.client(f"from shop import *\n{PATIENT}\n{code}", timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def noted(self) -> list[int]:
        """What has run."""
        return sorted(map(int, self.runs.read_text().split()))


def results_are_read_by_clients(shop: Apart) -> int:
    """Values, errors, many at once, and progress; returns the exit code of the worker that is stopped at the end."""
    worker = shop.worker()
    assert shop.said("print(add.delay(2, 3).get(timeout=20))") == "5"
    assert shop.said("print(repr(boom.delay().get(timeout=20, propagate=False)))") == "ValueError('bad', 42)"
    assert shop.said("print(sum(r.get(timeout=20) for r in [add.delay(n, 1) for n in range(300)]))") == "45150"
    seen = """
import time
result = half.delay()
while result.state != "PROGRESS":
    time.sleep(0.01)
print(result.info)
open("go", "w").close()
print(result.get(timeout=20))
    """
    assert shop.said(seen).splitlines() == ["{'done': 50}", "whole"]
    return worker.stop()


def a_coroutine_waits_for_thousands(shop: Apart) -> int:
    """More than a thousand results in one event loop; returns as `results_are_read_by_clients`."""
    worker = shop.worker()
    code = f"""
import asyncio
async def main():
    sent = [add.delay(n, 0) for n in range({MANY})]
    return sum(await asyncio.gather(*(r.aget(timeout=100) for r in sent)))
print(asyncio.run(main()))
    """
    assert shop.said(code) == str(sum(range(MANY)))
    return worker.stop()


def outcomes_are_kept(shop: Apart, backend, outage: Callable[[], Callable[[], object]]) -> int:
    """While the results' store is away: all run once, all are stored when it is back, and none of it twice.

    Returns as `results_are_read_by_clients`.

    Args:
        shop: with the settings `HASTY`.
        backend: reads its results.
        outage: begins the outage; returns what ends it.
    """
    worker = shop.worker()
    assert shop.said("print(noted.delay(-1).get(timeout=20))") == "-1"
    end = outage()
    ids = shop.said("print(*[noted.delay(n).id for n in range(40)])").split()
    worker.until_output("outcomes wait")
    until(lambda: len(shop.noted()) > 1, "a run while the store is away")
    end()
    until(lambda: len(backend.fetch(ids)) == 40, worker.output, timeout=30)
    assert {one.status for one in backend.fetch(ids).values()} == {"SUCCESS"}
    assert shop.noted() == [-1, *range(40)]
    worker.until_output("The store answers again")
    backend.close()
    return worker.stop()
