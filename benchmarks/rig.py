"""The rig: one contestant set up for one measure, in a folder of its own, and taken down whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant, Service
from benchmarks.processes import Process, cpu

ROOT = Path(__file__).resolve().parent.parent
STALL = 20.0
"""Seconds without any new result after which the missing ones count as lost."""


class CheckFailed(AssertionError):
    """A result is missing or wrong."""


class Rig:
    """What a measure works with.

    Args:
        contestant: who.
        folder: its own, empty.
        service: what stands beside its worker.
        stall: see `STALL`.
    """

    def __init__(self, contestant: Contestant, folder: Path, service: Service, stall: float = STALL) -> None:
        self.contestant = contestant
        self.folder = folder
        self.service = service
        self.stall = stall
        self.marks = folder / "marks"
        self.marks.mkdir()
        path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
        self.env = {"BENCH_FOLDER": str(folder), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **service.env}
        self.running: list[Process] = []
        self.client = self._start([sys.executable, "-m", "benchmarks.client", contestant.caller], {}, pipes=True)

    def _start(self, argv: list[str], env: dict[str, str], *, pipes: bool = False) -> Process:
        log = self.folder / f"process-{len(self.running)}.log"
        process = Process(argv, {**self.env, **env}, log, pipes=pipes)
        self.running.append(process)
        return process

    def worker(self, **env: str) -> Process:
        """Start a two-process worker."""
        argv = self.contestant.argv(self.folder, f"bench{len(self.running)}")
        return self._start(argv, {"BENCH_MARKS": str(self.marks), **env})

    def ask(self, do: str, *, timeout: float = 600.0, **arguments: Any) -> dict[str, Any]:
        """Give the client a verb; watches that client and workers live meanwhile.

        Raises:
            Died: one of them ended.
            TimeoutError: no answer in time.
            CheckFailed: the client raised.
        """
        pipe_in, pipe_out = self.client.popen.stdin, self.client.popen.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        pipe_in.flush()
        deadline = time.monotonic() + timeout
        while not select.select([pipe_out], [], [], 0.5)[0]:
            for process in self.running:
                process.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.contestant.name}: {do} took more than {timeout:g} s")
        line = pipe_out.readline()
        if not line:
            self.client.popen.wait(5)
            self.client.check()
        answer = json.loads(line)
        if "error" in answer:
            raise CheckFailed(f"{self.contestant.name}: {do}: {answer['error']}")
        return answer

    def results(self, count: int) -> float:
        """As `ended`; the first of the two."""
        return self.ended(count)[0]

    def ended(self, count: int) -> tuple[float, float]:
        """Wait for every result and check it; returns when the last one was there (monotonic seconds), and the CPU time
        that the server had used by then.

        Raises:
            CheckFailed: one is missing or wrong.
        """
        answer = self.ask("wait", stall=self.stall)
        name = self.contestant.name
        if answer["missing"]:
            raise CheckFailed(f"{name}: {answer['missing']} of {count} results are missing")
        if answer["wrong"]:
            wrong = answer["wrong"]
            raise CheckFailed(f"{name}: {len(wrong)} of {count} results are wrong, first {wrong[0]}")
        if answer["count"] != count:
            raise CheckFailed(f"{name}: {answer['count']} results for {count} tasks")
        return answer["end"], answer["server"]

    def server_cpu(self) -> float:
        """Seconds of CPU that the server has used; 0.0 without one."""
        return cpu(self.service.server) if self.service.server else 0.0

    def warm(self, count: int = 20) -> None:
        """Let a started worker run a few tasks."""
        self.ask("many", kind="noop", count=count)
        self.results(count)

    def end(self, process: Process) -> None:
        """Stop a worker."""
        self.running.remove(process)
        process.stop()

    def killed(self, process: Process) -> None:
        """Kill a worker, its whole tree."""
        self.running.remove(process)
        process.kill()

    def close(self) -> None:
        """End everything that was started."""
        for process in reversed(self.running):
            process.stop(3.0)
        self.running.clear()


@contextlib.contextmanager
def rig(contestant: Contestant, parent: Path | None = None, stall: float = STALL) -> Iterator[Rig]:
    """Set up, and take down whatever happens; the folder is kept when the measure failed."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{contestant.name}-", dir=parent))
    with contestant.service(folder) as service:
        made = Rig(contestant, folder, service, stall)
        try:
            yield made
        except BaseException:
            sys.stderr.write(f"logs are in {folder}\n")
            raise
        finally:
            made.close()
    shutil.rmtree(folder, ignore_errors=True)
