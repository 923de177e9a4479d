"""Recovery: SIGKILL for the whole tree of a worker that holds tasks, until another worker has started them all.

The second worker runs already and is idle. Both clocks are the machine's. A contestant that gives nothing back within
the deadline is reported with the share that it lost or still hides; for one that promises to keep them it is a failure.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.rig import CheckFailed, Rig

DEADLINE = 20.0


def _starts(path: Path) -> dict[int, float]:
    """Number -> seconds of its first start in one worker's life."""
    found: dict[int, float] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            number, at = line.split()
            found.setdefault(int(number), int(at) / 1e9)
    return found


def _held(path: Path, count: int) -> set[int]:
    """Wait until all are started, or no further one was for two seconds."""
    seen, since = -1, time.monotonic()
    while True:
        found = set(_starts(path))
        if len(found) >= count:
            return found
        if len(found) != seen:
            seen, since = len(found), time.monotonic()
        elif found and time.monotonic() - since > 2.0:
            return found
        elif time.monotonic() - since > 30.0:
            raise CheckFailed("the worker started nothing within 30 s")
        time.sleep(0.02)


def after_kill(rig: Rig, count: int) -> dict[str, float]:
    name, keeps = rig.contestant.name, rig.contestant.keeps
    first = rig.worker(BENCH_LIFE="1", BENCH_HOLD="600")
    rig.warm()
    rig.ask("many", kind="hold", count=count)
    held = _held(rig.marks / "starts-1", count)
    if keeps and len(held) != count:
        raise CheckFailed(f"{name}: the worker holds {len(held)} tasks, {count} were asked for")
    second = rig.worker(BENCH_LIFE="2", BENCH_HOLD="0")
    time.sleep(3.0)
    killed = time.monotonic()
    rig.killed(first)
    back: dict[int, float] = {}
    while len(held - back.keys()) and time.monotonic() < killed + DEADLINE:
        time.sleep(0.02)
        back = _starts(rig.marks / "starts-2")
    found = held & back.keys()
    figures = {"held by the killed worker": float(len(held)), "given back, of those": len(found) / len(held)}
    if keeps:
        if found != held:
            raise CheckFailed(
                f"{name}: {len(held - found)} of {len(held)} tasks were not started again within {DEADLINE:g} s"
            )
        rig.results(count)
    if found == held:
        figures["recovery after kill -9, s"] = max(back[number] for number in held) - killed
    rig.end(second)
    return figures
