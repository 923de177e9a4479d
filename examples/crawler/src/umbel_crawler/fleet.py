"""Local workers: real `umbel worker` processes, each in a session of its own, ended by process id on every path.

Should this program be killed by SIGKILL, the kernel tells the workers (on Linux): they get SIGTERM and end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

FINISH: Final = 2.0  # seconds after the first SIGTERM
GIVE_BACK: Final = 6.0  # seconds after the second one, until SIGKILL
LAST_LINES: Final = 12
PR_SET_PDEATHSIG: Final = 1  # of <sys/prctl.h>

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class WorkerDied(Exception):
    """A worker ended although nobody told it to; the text has the last lines of its log."""


@dataclass(slots=True)
class Node:
    """One worker.

    Attributes:
        name: without the host.
        queue: the one that it consumes.
        process: its supervisor, the leader of its process group.
        log: where it writes.
        killed: this program has ended it.
    """

    name: str
    queue: str
    process: subprocess.Popen[bytes]
    log: Path
    killed: bool = False


@dataclass(slots=True)
class Fleet:
    """The workers of one machine.

    Args:
        broker: URL of the store.
        data: folder of the crawls.
        folder: for the workers' logs and umbel's own files.

    Used as a context manager: leaving it ends every worker, whatever happened.
    """

    broker: str
    data: Path
    folder: Path
    nodes: dict[str, Node] = field(default_factory=dict)

    def start(self, name: str, queue: str) -> Node:
        """Start a worker on a queue.

        Args:
            name: of the node, new in this fleet.
            queue: frontier, crawl or storage.
        """
        log = self.folder / f"{name}.log"
        command = [_umbel(), "-A", "umbel_crawler.app", "worker"]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, "-Q", queue, "-n", f"{name}@%h", "-P", "process", "-c", "1", "-l", "info"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
                preexec_fn=_end_with_parent if _libc else None,  # noqa: PLW1509 - this program has one thread
            )
        node = self.nodes[name] = Node(name, queue, process, log)
        return node

    def _environment(self) -> dict[str, str]:
        ours = {"BROKER": self.broker, "DATA": str(self.data)}
        named = {f"UMBEL_CRAWLER_{name}": value for name, value in ours.items()}
        return {**os.environ, **named, "UMBEL_STATE_DIR": str(self.folder / "state")}

    def kill(self, node: Node) -> None:
        """SIGKILL to the supervisor and all its children at once, as a power cut would do to a machine."""
        node.killed = True
        _signal_group(node, signal.SIGKILL)
        node.process.wait()

    def check(self) -> None:
        """See that every worker lives.

        Raises:
            WorkerDied: one does not.
        """
        for node in self.nodes.values():
            if not node.killed and node.process.poll() is not None:
                lines = node.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
                tail = "\n".join(f"    {line}" for line in lines)
                raise WorkerDied(f"The worker {node.name} ended with exit code {node.process.returncode}:\n{tail}")

    def stop(self) -> None:
        """SIGTERM: finish what runs; a second one: give it back; then SIGKILL for whoever is still there."""
        running = [node for node in self.nodes.values() if not node.killed]
        for seconds in (FINISH, GIVE_BACK):
            deadline = time.monotonic() + seconds
            for node in running:
                node.process.terminate()  # nothing happens when it has ended
            for node in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    node.process.wait(max(0.0, deadline - time.monotonic()))
        for node in running:
            self.kill(node)  # the group: children that outlived their supervisor too

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _end_with_parent() -> None:
    assert _libc is not None
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _umbel() -> str:
    """The command `umbel` of this environment, whether it is on PATH or not."""
    return shutil.which("umbel", path=str(Path(sys.executable).parent)) or "umbel"


def _signal_group(node: Node, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(node.process.pid, number)
