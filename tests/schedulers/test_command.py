"""`umbel beat -S`: which class runs, what is said of it, and how it ends."""

from __future__ import annotations

import signal

import pytest

from tests.conftest import UMBEL, Project

PROJ = """
import time
from umbel import Umbel
from umbel.schedulers import Scheduler

app = Umbel("proj", broker="sqlite:///proj.db")
app.conf.beat_schedule = {"e": {"task": "proj.e", "schedule": 0.3, "args": (1,)}}


class Quiet(Scheduler):
    def tick(self):
        print("ticked", flush=True)
        return 3600


class Stuck(Scheduler):
    def tick(self):
        print("ticked", flush=True)
        time.sleep(3600)
"""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def proj(project: Project) -> Project:
    project.write("proj.py", PROJ)
    return project


def started(proj, *options):
    return proj.processes.start(UMBEL, "-A", "proj", "beat", "-l", "INFO", *options)


def test_celery_s_own_with_its_file(proj):
    beat = started(proj, "-S", "celery.beat:PersistentScheduler", "-s", "kept", "--pidfile", "beat.pid", "-n", "b@h")
    output = beat.until_output("Scheduler: Sending due task e (proj.e)", timeout=30)
    assert output.startswith(f"umbel beat b@h (pid {beat.pid}, ")
    assert "  scheduler umbel.schedulers.persistent.PersistentScheduler\n  db -> kept\n" in output
    assert (proj.folder / "beat.pid").read_text() == f"{beat.pid}\n"
    again = proj.umbel("-A", "proj", "beat", "-S", "celery.beat:Scheduler", "--pidfile", "beat.pid")
    assert again.returncode == 73
    assert beat.stop() == 0
    assert not (proj.folder / "beat.pid").exists()
    assert list(proj.folder.glob("kept*"))
    assert "celery" in proj.umbel("-A", "proj", "queues").stdout


def test_a_setting_names_it_and_a_sleep_ends_at_once(proj):
    proj.write("proj.py", PROJ + "\napp.conf.beat_scheduler = 'proj:Quiet'\n")
    beat = started(proj, "--max-interval", "60")
    assert "  scheduler proj.Quiet\n  sleeps    1.00 minute at most\n" in beat.until_output("ticked", timeout=30)
    assert beat.stop(signal.SIGINT, timeout=10) == 0


def test_a_second_signal_ends_a_tick_that_does_not(proj):
    beat = started(proj, "-S", "proj:Stuck")
    beat.until_output("ticked", timeout=30)
    beat.send(signal.SIGTERM)
    beat.until_output("beat: Shutting down...", timeout=30)
    assert beat.stop(signal.SIGTERM, timeout=10) == 0


def test_waiting_for_a_lock_ends_at_once(proj):
    waiting = """
from umbel.signals import beat_init

@beat_init.connect
def acquire(**_named):
    print("waits", flush=True)
    time.sleep(3600)
"""
    proj.write("proj.py", PROJ + waiting)
    beat = started(proj, "-S", "proj:Quiet")
    beat.until_output("waits", timeout=30)
    assert beat.stop() == 0
    assert "Shutting down" not in beat.output()  # nothing had to be brought to an end


def test_what_is_no_scheduler(proj):
    done = proj.umbel("-A", "proj", "beat", "-S", "proj:Quite")
    assert (done.returncode, done.stderr) == (
        64, "umbel: 'proj' has no attribute 'Quite'. Did you mean 'Quiet'?\n"
    )  # fmt: skip
