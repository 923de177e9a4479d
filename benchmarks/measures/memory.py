"""Memory: the proportional set size of the whole worker tree, idle after it has drained a queue."""

from __future__ import annotations

import time

from benchmarks.processes import Process
from benchmarks.rig import Rig

REST = 1.0


def settled(worker: Process) -> float:
    """MB of the tree once it rests: the least of a few looks, so that a passing peak is not counted."""
    time.sleep(REST)
    looks = []
    for _ in range(3):
        worker.check()
        looks.append(worker.memory() / 1e6)
        time.sleep(0.1)
    return min(looks)


def idle(rig: Rig, count: int) -> dict[str, float]:
    rig.ask("many", kind="noop", count=count)
    worker = rig.worker()
    rig.results(count)
    figures = {"memory of the worker, MB PSS": settled(worker), "processes of the worker": float(len(worker.pids()))}
    rig.end(worker)
    return figures
