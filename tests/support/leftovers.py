"""No process outlives the tests: whatever one of them started and left running is named, killed, and fails the run.

A run of pytest marks its environment, and everything that it starts inherits the mark with the name of the test
(`PYTEST_CURRENT_TEST`). A test that is killed or times out cannot clean up behind itself; this does. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from pathlib import Path

import pytest

from .processes import marked
from .until import until

PATIENCE = 3.0
"""Seconds that what is ending may take to end."""


SESSION = "TESTS_OF_UMBEL"
"""Environment variable with the mark of the run; not one of those that a test's own environment leaves out."""

_MARK = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker has the mark of the run that started it
        config.stash[_MARK] = os.environ[SESSION] = uuid.uuid4().hex


def described(pid: int) -> str:
    """Command line of a process and the test that it was started in."""
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        test = next(
            (row.partition(b"=")[2] for row in environment if row.startswith(b"PYTEST_CURRENT_TEST=")), b"no test"
        )
        return f"{pid} {command[:120]} (started in {test.decode(errors='replace')})"
    return f"{pid}"


def own(pid: int) -> bool:
    """Whether it is a helper of this very process, which ends with it."""
    with contextlib.suppress(OSError):
        return b"multiprocessing.resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return True


def left_behind(mark: str) -> list[int]:
    return [pid for pid in marked(mark, SESSION) if not own(pid)]


def reap(mark: str) -> list[str]:
    """Kill everything that carries the mark and does not end by itself; says what that was."""
    try:
        until(lambda: not left_behind(mark), timeout=PATIENCE)
    except AssertionError:
        left = left_behind(mark)
        told = [described(pid) for pid in left]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return told
    return []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    mark = session.config.stash.get(_MARK, "")
    if mark and (left := reap(mark)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nProcesses that tests left behind, killed:\n  " + "\n  ".join(left), flush=True)
