"""One history for every chaos run, and one checker that judges it.

Tasks and tests append JSON lines to one file, each in a single write, so that processes that are killed in the middle
leave whole lines only:

An attempt of a retried task may be written as "id#number": each attempt is then a run of its own.

    {"what": "enqueued" | "started" | "ended" | "killed", "id": task id, "at": unix time, "pid": process id}

The checker says what is wrong: an id that never ended or has no result, one that ran twice although nothing was killed
between its runs, a message that is still in the store.
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


def append(path: str | Path, what: str, task_id: str = "", at: float | None = None) -> None:
    """Add one line, in one write."""
    line = json.dumps({"what": what, "id": task_id, "at": time.time() if at is None else at, "pid": os.getpid()})
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
    """

    enqueued: list[str] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kills: list[float] = field(default_factory=list)

    @classmethod
    def read(cls, path: str | Path) -> History:
        """Read the file; times need no order."""
        history = cls()
        for line in Path(path).read_text().splitlines():
            entry = json.loads(line)
            what, task_id, at = entry["what"], entry["id"], entry["at"]
            if what == "enqueued":
                history.enqueued.append(task_id)
            elif what == "killed":
                history.kills.append(at)
            else:
                (history.starts if what == "started" else history.ends)[task_id].append(at)
        return history

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
                if not any(first - slack <= kill <= second + slack for kill in self.kills):
                    found.append(
                        f"{task_id} ran twice, {second - first:.1f} s apart, and nothing was killed in between"
                    )
        return found + [f"still in the store: {one}" for one in left]

    def repeated(self) -> int:
        """How many ids ran more than once."""
        return sum(1 for starts in self.starts.values() if len(starts) > 1)
