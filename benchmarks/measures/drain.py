"""Drain: tasks that wait in the store when the worker starts, from the first function's start to the last result.

The CPU time beside it moves less than the rate when somebody else uses the machine.
"""

from __future__ import annotations

from functools import partial

from benchmarks.rig import Rig
from benchmarks.work import first_start


def _drain(kind: str, rig: Rig, count: int) -> dict[str, float]:
    sent = rig.ask("many", kind=kind, count=count)
    worker = rig.worker()
    end = rig.results(count)
    used = worker.children_cpu()
    rig.end(worker)
    rate = count / (end - first_start(rig.marks))
    if kind != "noop":
        return {f"{kind}, tasks/s": rate}
    return {
        "drain, tasks/s": rate,
        "CPU of the worker's children in the drain, us a task": used / count * 1e6,
        "bulk enqueue, tasks/s": count / sent["seconds"],
    }


noop = partial(_drain, "noop")
pause = partial(_drain, "pause")
long = partial(_drain, "long")
mix = partial(_drain, "mix")
