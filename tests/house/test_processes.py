"""Processes started by a test: watched while they run, and gone afterwards whatever they did."""

from __future__ import annotations

import signal

import pytest

from tests.support import processes as p
from tests.support.until import until

TWO_LEVELS = """
import os, subprocess, sys, time
inner = "import time; print('inner', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
print("pid", child.pid, flush=True)
time.sleep(60)
"""


def test_output_and_exit_code(processes):
    process = processes.python("-c", "import sys; print('hello'); sys.exit(3)")
    assert process.wait() == 3
    assert process.output() == "hello\n"


def test_a_process_that_ends_early_fails_the_wait_at_once_with_its_output(processes):
    process = processes.python("-c", "print('another thing')")
    with pytest.raises(AssertionError, match="another thing"):
        process.until_output("ready", timeout=60)


def test_a_signal_reaches_only_its_process(processes):
    process = processes.python("-c", TWO_LEVELS)
    process.until_output("inner")
    (child,) = process.children()
    assert process.stop(signal.SIGKILL) == -signal.SIGKILL
    assert p.alive(child)


def test_reaping_ends_orphans_of_another_session_too(processes):
    process = processes.python("-c", TWO_LEVELS)
    process.until_output("inner")
    (child,) = process.children()
    process.stop(signal.SIGKILL)
    processes.reap()
    until(lambda: not p.alive(child), "the orphan to be gone")
    assert not p.alive(child)


def test_a_stopped_process_is_seen_as_stopped_and_is_reaped(processes):
    process = processes.python("-c", "print('up', flush=True); input()", stdin=-1)
    process.until_output("up")
    process.send(signal.SIGSTOP)
    until(lambda: p.state(process.pid) == "T")
    processes.reap()
    assert process.code == -signal.SIGKILL


def test_the_environment_is_its_own(project):
    project.write("look.py", "import os; print(os.environ['HOME'], os.environ['UMBEL_STATE_DIR'], os.getcwd())")
    done = project.processes.run("look.py")
    assert done.returncode == 0, done.stderr
    assert [str(project.folder / "home"), str(project.folder / "state"), str(project.folder)] == done.stdout.split()


def test_files_of_a_project_are_importable(project):
    project.write(
        "pkg/mod.py",
        """
        ANSWER = 42
    """,
    )
    assert project.python("from pkg.mod import ANSWER; print(ANSWER)").stdout == "42\n"
