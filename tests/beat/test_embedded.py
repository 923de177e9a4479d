"""`worker -B`: a scheduler beside the worker, which lives as long as it does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.beat.hurting import PROJECT
from tests.support.until import until
from umbel.loading import open_broker

SIGNALS = """
from umbel import signals


@app.task(name="shop.count")
def count():
    with open("ran", "a") as file:
        file.write("x")


@signals.beat_init.connect
def began(sender, **kwargs):
    with open("pids", "a") as file:
        print(os.getpid(), "began", file=file)


@signals.beat_embedded_init.connect
def embedded(sender, **kwargs):
    with open("pids", "a") as file:
        print(os.getpid(), sender.node, file=file)
"""


def test_a_worker_with_a_scheduler(project, tmp_path):
    """It runs what it sends, is started again when it was killed, and ends with the worker, however that ends."""
    project.write("shop.py", "import os\n" + PROJECT.format(url="sqlite:///shop.db", interval=0.2) + SIGNALS)
    worker = project.worker("shop", "-B", "-c", "1", "-n", "w1@here", "-l", "INFO")

    def told():
        return (tmp_path / "pids").read_text().split("\n") if (tmp_path / "pids").exists() else []

    def ran():
        return len((tmp_path / "ran").read_text()) if (tmp_path / "ran").exists() else 0

    until(lambda: ran() > 3, worker.output, timeout=30)
    first = int(told()[0].split()[0])
    assert told()[:2] == [f"{first} began", f"{first} beat.w1@here"]
    os.kill(first, signal.SIGKILL)
    worker.until_output("The scheduler of this worker ended with -9 and is started again", timeout=30)
    until(lambda: len(told()) > 3, worker.output, timeout=30)
    assert worker.stop(signal.SIGTERM, timeout=40) == 0, worker.output()
    assert worker.children() == []
    lease = open_broker(f"sqlite:///{tmp_path}/shop.db", {}).coordinator("shop").look().lease
    assert lease.node == "beat.w1@here"


def test_a_killed_worker_leaves_no_scheduler(project, tmp_path):
    project.write("shop.py", PROJECT.format(url="sqlite:///shop.db", interval=1))
    worker = project.worker("shop", "-B", "-c", "1", "-l", "INFO")
    worker.until_output("leads now", timeout=30)
    worker.until_output("ready.", timeout=30)
    family = worker.children()
    assert len(family) >= 4
    worker.send(signal.SIGKILL)
    worker.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), timeout=30)
