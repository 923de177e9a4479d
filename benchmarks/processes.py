"""Processes: started in a session of their own, weighed, and ended by pid within a bounded time.

What a worker forks stays in its session, also when its parent was killed, so a session is the worker's whole tree.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_DEATH_SIGNAL = 1
_SUBREAPER = 36


class Died(Exception):
    """A process ended while it was needed; the text has the end of its log."""


def adopt_orphans() -> None:
    """Make this process the parent of what its dead children leave behind, so that it can be waited for (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def session(leader: int) -> list[int]:
    """Pids of all live processes of the session that `leader` began."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX" and int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def proportional(pid: int) -> int:
    """Proportional set size of a process in bytes; 0 when it has gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used; 0.0 when it has gone."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


class Process:
    """One started program and everything that it forks.

    Args:
        argv: program and arguments.
        env: added to this process's environment.
        log: file that takes its output.
        pipes: True when its standard input and output are spoken to.
    """

    def __init__(self, argv: list[str], env: dict[str, str], log: Path, *, pipes: bool = False) -> None:
        self.argv = argv
        self.log = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                argv,
                env={**os.environ, **env},
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
            )
        self.pid = self.popen.pid

    def check(self) -> None:
        """Raise `Died` when it has ended."""
        code = self.popen.poll()
        if code is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])
            raise Died(f"{' '.join(self.argv)} ended with {code}:\n{tail}")

    def pids(self) -> list[int]:
        return session(self.pid)

    def memory(self) -> int:
        """Bytes (PSS) of the whole tree."""
        return sum(proportional(pid) for pid in self.pids())

    def kill(self) -> None:
        """SIGKILL for the whole tree, as a machine's end would be; then reap."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._reap(5.0)

    def stop(self, timeout: float = 10.0) -> None:
        """SIGTERM, wait, SIGKILL for what is left, reap; safe to repeat."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout)
        self.kill()

    def _reap(self, timeout: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout)
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        deadline = time.monotonic() + timeout
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.005)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG)[0]:
                pass
