"""Real schedulers over SQLite."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.beat.hurting import PROJECT, kill_and_stop
from tests.beat.overlapping import check_overlaps
from tests.support import scale
from tests.support.until import until


@pytest.mark.chaos
@scale.limit(90)
def test_each_tick_once_over_leaders_that_are_stopped_and_killed(project, tmp_path):
    assert (
        kill_and_stop(
            project, f"sqlite:///{tmp_path}/shop.db", signal.SIGSTOP, *[signal.SIGKILL] * bool(scale.factor())
        )
        > 30
    )


def test_overlaps(project, tmp_path):
    check_overlaps(project, f"sqlite:///{tmp_path}/shop.db")


def test_a_scheduler_of_the_command_line(project, tmp_path):
    """Banner, pid file, background, one of a kind, a clean end; and what it sends is run."""
    project.write("shop.py", PROJECT.format(url="sqlite:///shop.db", interval=0.2) + TASK)
    begin = ("-m", "umbel", "-A", "shop", "beat", "--pidfile", "beat.pid")
    started = project.processes.run(*begin, "--detach", "-f", "beat.log", "-l", "INFO", "-n", "b1@here")
    assert started.returncode == 0, started
    assert "entries  1, and 1 that cannot run" in started.stderr
    assert "b1@here runs in the background" in started.stderr
    pidfile = tmp_path / "beat.pid"
    pid = int(until(lambda: pidfile.exists() and pidfile.read_text()))
    second = project.processes.run(*begin)
    assert (second.returncode, "which runs" in second.stderr) == (73, True), second
    project.worker("shop", "-c", "1")
    until(lambda: (tmp_path / "ran").exists() and len((tmp_path / "ran").read_text()) > 2, timeout=30)
    os.kill(pid, signal.SIGTERM)
    until(lambda: not pidfile.exists())
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert "sending shop.count" in (tmp_path / "beat.log").read_text()


TASK = """
app.conf.beat_schedule["all"]["kwargs"] = {"mark": "x"}


@app.task(name="shop.count", bind=True)
def count(self, mark):
    assert self.request.headers is None or self.request.celery_beat_task
    with open("ran", "a") as file:
        file.write(mark)
"""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-b", "memory://", "-A", "shop", "beat"), "memory:// lives inside one process"),
        (("-A", "shop", "beat", "-S", "no_such_schedulers:DatabaseScheduler"), "no module 'no_such_schedulers'"),
        (("-A", "shop", "-b", "amqp://127.0.0.1:1", "beat"), "amqp://127.0.0.1:1 cannot keep a schedule"),
    ],
)
def test_what_cannot_work_is_refused(project, arguments, sentence):
    project.write("shop.py", PROJECT.format(url="sqlite:///shop.db", interval=1))
    refused = project.processes.run("-m", "umbel", *arguments)
    assert refused.returncode == 64, refused
    assert sentence in refused.stderr
