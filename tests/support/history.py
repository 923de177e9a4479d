"""One history for every chaos run, and one checker that judges it.

Tasks and tests append JSON lines to one file, each in a single write, so that processes that are killed in the middle
leave whole lines only:

An attempt of a retried task may be written as "id#number", and that of a task which may be replaced by others of the
same id as "id#name.number": each attempt is then a run of its own.

    {"what": "enqueued" | "due" | "claimed" | "started" | "ended" | "settled" | "killed" | "victim", "id": task id,
     "at": unix time, "wall": the same by umbel's clock, which a test may have moved, "pid": process id}

``at`` of a "due" line is a time of umbel's clock; "settled" is written for a final state only, when the store has
taken it, with the time at which the settler began. A "claimed" line has the store's own reference of the message as its
``pid``: two of them for one run are two messages. The id of a "victim" line is that of a process that is killed; a run
whose kills are told so is rightly repeated only when its own process was killed.

The checker says what is wrong: an id that never ended or has no result, one that ran twice although nothing was killed
between its runs, or before it was due, or was settled by a process that had lost it; a message that is still in the
store.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from umbel import clock


def append(path: str | Path, what: str, task_id: str = "", at: float | None = None, pid: int = 0) -> None:
    """Add one line, in one write."""
    entry = {"what": what, "id": task_id, "at": time.time() if at is None else at}
    line = json.dumps(entry | {"wall": clock.wall(), "pid": pid or os.getpid()})
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, line.encode() + b"\n")
    finally:
        os.close(fd)


@dataclass
class History:
    """What happened.

    Attributes:
        enqueued: ids in order.
        starts, ends: id -> times.
        kills: times at which something was killed, stopped or cut.
        victims: process -> when it was killed.
        messages: run -> the references of the messages that it came by.
        dues: id -> the time before which it must not start, by umbel's clock.
        walls: id -> when it first started, by umbel's clock.
        early: seconds by which an id started before it was due.
        runners: id without its attempt -> (time, process) of its starts.
        processes: (run, time of its start) -> process.
        settles: id -> (time, process) of its final states.
        position: bytes of the file that were read.
        overlap: seconds after the settling of a run within which a second message of it may start, where a message
            can be sent twice (a store without one step for follow-ups and acknowledgement).
    """

    enqueued: list[str] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kills: list[float] = field(default_factory=list)
    victims: dict[int, float] = field(default_factory=dict)
    messages: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    dues: dict[str, float] = field(default_factory=dict)
    walls: dict[str, float] = field(default_factory=dict)
    early: dict[str, float] = field(default_factory=dict)
    runners: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    processes: dict[tuple[str, float], int] = field(default_factory=dict)
    settles: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    position: int = 0
    overlap: float = 0.0

    @classmethod
    def read(cls, path: str | Path) -> History:
        """Read the file; times need no order."""
        return cls().follow(path)

    def follow(self, path: str | Path) -> History:
        """Add the lines that were written since the last call."""
        with Path(path).open("rb") as lines:
            lines.seek(self.position)
            whole = lines.read().rpartition(b"\n")[0]
        for line in whole.splitlines():
            self._add(json.loads(line))
        self.position += len(whole) + 1 if whole else 0
        return self

    def _add(self, entry: Mapping[str, Any]) -> None:
        what, task_id, at = entry["what"], entry["id"], entry["at"]
        if what == "enqueued":
            self.enqueued.append(task_id)
        elif what == "due":
            self.dues[task_id] = at
            self._compare(task_id)
        elif what == "killed":
            self.kills.append(at)
        elif what == "victim":
            self.kills.append(at)
            self.victims[int(task_id)] = at
        elif what == "claimed":
            self.messages[task_id].add(entry["pid"])
        elif what == "ended":
            self.ends[task_id].append(at)
        elif what == "settled":
            self.settles[task_id].append((at, entry["pid"]))
        else:
            self.starts[task_id].append(at)
            self.processes[task_id, at] = entry["pid"]
            self.runners[task_id.partition("#")[0]].append((at, entry["pid"]))
            self.walls[task_id] = min(entry["wall"], self.walls.get(task_id, entry["wall"]))
            self._compare(task_id)

    def _compare(self, task_id: str) -> None:
        """A task may start before its sender has written down when it is due."""
        early = self.dues.get(task_id, 0.0) - self.walls.get(task_id, float("inf"))
        if early > 0:
            self.early[task_id] = early

    def faults(self, results: Mapping[str, str], left: Iterable[object] = (), *, slack: float = 0.5) -> list[str]:
        """Everything that is wrong, one sentence each; an empty list is a passed run.

        Args:
            results: id -> stored state, of all ids that have one.
            left: what is still in the store.
            slack: seconds by which a line may be written late.
        """
        found = [f"{task_id} was enqueued and never ended" for task_id in self.enqueued if not self.ends.get(task_id)]
        found += [f"{task_id} has no result" for task_id in self.enqueued if task_id not in results]
        known = set(self.enqueued)
        found += [f"{one} ran and was never enqueued" for one in self.starts if one.partition("#")[0] not in known]
        for task_id, starts in self.starts.items():
            ordered = sorted(starts)
            for first, second in pairwise(ordered):
                if not self._justified(task_id, first, second, slack):
                    found.append(
                        f"{task_id} ran twice, {second - first:.1f} s apart, and nothing was killed in between"
                    )
        found += [
            f"{one} started {early:.1f} s before it was due" for one, early in self.early.items() if early > slack
        ]
        found += [f"{one} came by {len(tags)} messages" for one, tags in self.messages.items() if len(tags) > 1]
        return found + self._stolen() + [f"still in the store: {one}" for one in left]

    def _justified(self, task_id: str, first: float, second: float, slack: float) -> bool:
        """Whether a kill explains that a run which started ``first`` started again."""
        if self.victims:
            ends = self.ends.get(task_id.partition("#")[0], ()) if self.overlap else ()
            if any(first <= end and second <= end + self.overlap for end in ends):
                return True
            return self.victims.get(self.processes[task_id, first], float("inf")) <= second + slack
        return any(first - slack <= kill <= second + slack for kill in self.kills)

    def _stolen(self) -> list[str]:
        """Final states by a process that had run the task, though another one had it since; and second final states."""
        found = [
            f"{task_id} was settled twice"
            for task_id, settles in self.settles.items()
            if len(settles) > 1 and not max(settles)[0] - min(settles)[0] < self.overlap
        ]
        parts = defaultdict(set)
        for run in self.starts:
            parts[run.partition("#")[0]].add(run.partition("#")[2].rpartition(".")[0])
        for task_id, settles in self.settles.items():
            if len(parts[task_id]) > 1:  # replaced: its end may be that of a chord's body, which failed without a run
                continue
            for at, pid in settles:
                before = [runner for start, runner in sorted(self.runners.get(task_id, ())) if start < at]
                if pid in before and before[-1] != pid:
                    found.append(f"{task_id} was settled by process {pid}, which held it no longer: {before[-1]} did")
        return found

    def late(self, bound: float, now: float) -> list[str]:
        """What a kill that spares no process interrupted, and nobody took up again within ``bound`` seconds."""
        found = []
        for task_id, starts in self.starts.items():
            for kill in self.kills:
                after = min((start for start in starts if start > kill), default=now)
                if (
                    min(starts) < kill
                    and after - kill > bound
                    and not any(end < kill for end in self.ends.get(task_id, ()))
                ):
                    found.append(f"{task_id} was lost by a kill and not taken up within {bound:g} s")
        return found

    def repeated(self) -> int:
        """How many ids ran more than once."""
        return sum(1 for starts in self.starts.values() if len(starts) > 1)
