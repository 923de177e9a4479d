"""Real processes in a test: started in the test's own folder, watched, killed by pid, always reaped.

    process = processes.python("server.py")     # the fixture of tests/conftest.py
    process.until_output("ready")
    process.send(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

Standard output and error go to one file, so that a process never blocks on a full pipe and a failure can show it all.
Each process leads its own group and session, and carries a mark in its environment that all it starts inherits: at the
end of the test everything of that session and everything with that mark is killed, whatever became of its parents.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from .forked import Forked, Interpreter
from .until import until

MARK = "UMBEL_TEST_MARK"
"""Environment variable whose value names the test that started a process."""


class Process:
    """One started program.

    Attributes:
        command: as started.
        pid: its process id, and the id of its group and session.
        log: the file that its output goes to.
    """

    def __init__(self, command: list[str], log: Path, popen: subprocess.Popen[bytes] | Forked) -> None:
        self.command = command
        self.log = log
        self._popen = popen
        self.pid = popen.pid
        self.stdin = popen.stdin

    def __repr__(self) -> str:
        return f"<{' '.join(self.command)} (pid {self.pid}, {self.code})>"

    @property
    def code(self) -> int | None:
        """Exit code, minus the signal's number when one killed it, None while it runs."""
        return self._popen.poll()

    @property
    def alive(self) -> bool:
        return self.code is None

    def output(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until_output(self, text: str, *, timeout: float = 15.0) -> str:
        """Wait until ``text`` is in its output; fails at once when the process ends without having written it."""

        def found() -> str:
            code = self.code  # before the output: what it wrote last is there when it has ended
            output = self.output()
            if text in output:
                return output
            assert code is None, f"{self} ended without writing {text!r}:\n{output}"
            return ""

        return until(found, lambda: f"{text!r} in the output of {self}:\n{self.output()}", timeout=timeout)

    def send(self, number: int) -> None:
        """Send a signal to this process only."""
        self._popen.send_signal(number)

    def send_group(self, number: int) -> None:
        """Send a signal to it and everything it started that stayed in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, timeout: float = 15.0) -> int:
        """Its exit code; fails when it has not ended after ``timeout`` seconds, and shows what it wrote."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {timeout:g} s:\n{self.output()}") from None

    def stop(self, number: int = signal.SIGTERM, timeout: float = 15.0) -> int:
        """Send a signal and wait."""
        self.send(number)
        return self.wait(timeout)

    def children(self) -> list[int]:
        """Pids of its living descendants, parents before children."""
        return descendants(self.pid)

    def reap(self) -> None:
        """Kill it and everything of its session, by pid, and wait for its end."""
        for pid in {self.pid, *descendants(self.pid), *session(self.pid)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()
        if self.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.close()
        until(lambda: not session(self.pid), f"the end of everything that {self} started")


class Processes:
    """All processes of one test; the fixture kills what is left of them at its end."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.env = {**env, MARK: self.mark}
        self.started: list[Process] = []

    def start(
        self, *command: str | Path, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> Process:
        """Start a program in the test's folder. ``env`` is added to the test's own environment."""
        words = [str(word) for word in command]
        log = self.folder / f"process-{len(self.started)}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                words, cwd=self.folder, env={**self.env, **(env or {})}, stdin=stdin, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        return self._kept(Process(words, log, popen))

    def fork(
        self, interpreter: Interpreter, code: str, *command: str | Path, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a program whose text is ``code``, in an interpreter that has imported what it imports."""
        words = [str(word) for word in command]
        log = self.folder / f"process-{len(self.started)}.log"
        popen = interpreter.start(code, words, self.folder, {**self.env, **(env or {})}, log)
        return self._kept(Process(words, log, popen))

    def _kept(self, process: Process) -> Process:
        self.started.append(process)
        return process

    def python(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> Process:
        """Start this interpreter: ``python("-m", "umbel", ...)`` or ``python("script.py")``."""
        return self.start(sys.executable, *arguments, env=env, stdin=stdin)

    def run(
        self, *arguments: str | Path, program: str | Path = sys.executable, env: Mapping[str, str] | None = None,
        input: str | None = None, timeout: float = 30.0,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Run a program (this interpreter) to its end, output and error apart; the caller judges the exit code."""
        return subprocess.run(
            [str(program), *map(str, arguments)], cwd=self.folder, env={**self.env, **(env or {})}, input=input,
            stdin=subprocess.DEVNULL if input is None else None, capture_output=True, text=True, timeout=timeout,
            check=False,
        )  # fmt: skip

    def reap(self) -> None:
        """Kill by pid whatever still runs."""
        for process in reversed(self.started):
            process.reap()
        for pid in marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not marked(self.mark), "the end of everything that the test started")

    def report(self) -> str:
        """What every process wrote, for the report of a failed test."""
        return "\n".join(f"--- {process}\n{process.output()}" for process in self.started)


def _table() -> dict[int, tuple[int, int, str]]:
    """pid -> (parent, session, state) of every process of this machine."""
    if Path("/proc/self/stat").exists():
        return dict(_proc_rows())
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,sess=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return {int(pid): (int(parent), int(sess or "0", 16), state) for pid, parent, sess, state in rows}


def _proc_rows() -> Iterable[tuple[int, tuple[int, int, str]]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - what waits for an end looks here a hundred times a second
        if name.isdigit() and (row := _proc_row(name)):
            yield int(name), row


def _proc_row(pid: int | str) -> tuple[int, int, str] | None:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - the same
        # the name, in parentheses, may hold anything; the fields behind it are plain
        fields = file.read().rpartition(b")")[2].split(None, 4)
        return int(fields[1]), int(fields[3]), fields[0].decode()
    return None


def _row(pid: int) -> tuple[int, int, str] | None:
    """(parent, session, state) of one process, None when there is none of that id."""
    return _proc_row(pid) if Path("/proc/self/stat").exists() else _table().get(pid)


def descendants(pid: int) -> list[int]:
    """Living processes below ``pid``, parents before children; zombies are not counted."""
    table = _table()
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for child, (parent, _, state) in table.items() if parent in level and not state.startswith("Z")]
        found += level
    return found


def session(pid: int) -> list[int]:
    """Living processes of the session that ``pid`` leads or led."""
    return [member for member, (_, leader, state) in _table().items() if leader == pid and not state.startswith("Z")]


def marked(mark: str, variable: str = MARK) -> list[int]:
    """Living processes that inherited this mark (Linux; elsewhere none is found)."""
    wanted = f"{variable}={mark}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        pid = int(environment.parent.name)
        with contextlib.suppress(OSError):
            if pid != os.getpid() and wanted in environment.read_bytes().split(b"\0") and alive(pid):
                found.append(pid)
    return found


def parent(pid: int) -> int:
    """Id of the process that started it or inherited it; 0 when there is none of that id."""
    row = _row(pid)
    return row[0] if row else 0


def alive(pid: int) -> bool:
    """Whether a process of that id runs (a zombie does not)."""
    row = _row(pid)
    return row is not None and not row[2].startswith("Z")


def state(pid: int) -> str:
    """The kernel's letter for what a process does: R, S, T (stopped), Z (zombie); "" when there is none."""
    row = _row(pid)
    return row[2][:1] if row else ""


def until_gone(pids: Iterable[int], *, timeout: float = 10.0) -> float:
    """Wait until none of them runs; returns the seconds that it took."""
    start = time.monotonic()
    wanted = list(pids)
    until(lambda: not any(map(alive, wanted)), lambda: f"the end of {[p for p in wanted if alive(p)]}", timeout=timeout)
    return time.monotonic() - start
