"""A worker whose pool follows its work: the same story on every store and for both kinds of pool."""

from __future__ import annotations

from tests.conftest import Project
from tests.support.until import until
from umbel import Umbel

HALL = """
import pathlib, time
from umbel import Umbel

app = Umbel("hall", broker={url!r}, backend={url!r}, worker_shutdown_grace=0.1)

@app.task
def wait(name):
    with open("started", "a") as file:
        file.write(name)
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return name
"""
TIMEOUT = 30.0


def the_pool_follows_the_work(project: Project, url: str, pool: str) -> int:
    """Grows while messages wait, shrinks when it idles, and ends no running task; returns the worker's exit code."""
    project.write("hall.py", HALL.format(url=url))
    options = ("-P", pool, "--autoscale", "3,1", "-n", "w1@here", "-l", "INFO")
    worker = project.worker("hall", *options, env={**project.env, "AUTOSCALE_KEEPALIVE": "0.5"})
    worker.until_output("ready.", timeout=TIMEOUT)
    with Umbel("hall", broker=url, backend=url, set_as_current=False) as app:

        def ask(command: str, **arguments):
            [said] = app.control.broadcast(command, arguments, ["w1@here"], reply=True, timeout=TIMEOUT)
            return said["w1@here"]

        def sizes():
            stats = ask("stats")
            return stats["pool"]["max-concurrency"], stats["autoscaler"]["max"], stats["autoscaler"]["min"]

        assert sizes() == (1, 3, 1)
        results = [app.send_task("hall.wait", (name,)) for name in "abcd"]
        started = project.folder / "started"
        until(lambda: started.exists() and len(started.read_text()) == 3, worker.output, timeout=TIMEOUT)
        assert sizes() == (3, 3, 1)
        assert ask("autoscale", max=2, min=1) == {"ok": "autoscale now max=2 min=1"}
        assert sizes() == (2, 2, 1)
        assert ask("pool_grow", n=2) == {"ok": "pool will grow"}
        until(lambda: len(started.read_text()) == 4, worker.output, timeout=TIMEOUT)
        assert sizes() == (4, 4, 1)
        assert "scales from 0 to at most 35" in ask("autoscale", max=1000)["error"]
        assert ask("pool_shrink", n=3) == {"ok": "pool will shrink"}
        assert sizes() == (1, 4, 1)
        (project.folder / "go").touch()
        assert [result.get(timeout=TIMEOUT) for result in results] == [*"abcd"]
        assert sorted(started.read_text()) == [*"abcd"]
        assert ask("pool_grow") == {"ok": "pool will grow"}
        until(lambda: sizes()[0] == 1, worker.output, timeout=TIMEOUT)
    return worker.stop()
