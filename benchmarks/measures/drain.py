"""Drain: tasks that wait in the store when the worker starts, from the first function's start to the last result.

The CPU time beside it moves less than the rate when somebody else uses the machine.
"""

from __future__ import annotations

import os
from functools import partial

from benchmarks.processes import cpu
from benchmarks.rig import Rig
from benchmarks.work import spent, starts


def _drain(kind: str, rig: Rig, count: int) -> dict[str, float]:
    sent = rig.ask("many", kind=kind, count=count)
    before = rig.server_cpu()
    worker = rig.worker()
    end, server = rig.ended(count)
    began = starts(rig.marks)
    used = sum(cpu(pid) - first for pid, (_, first) in began.items())
    rig.end(worker)
    seconds = end - min(at for at, _ in began.values())
    rate = count / seconds
    if computed := spent(rig.marks):
        # the speed of a core changes within seconds where others share the machine: it changes both sides of this one
        share = computed / (seconds * len(os.sched_getaffinity(0)))
        return {f"{kind}, tasks/s": rate, f"{kind}, part of the cores' time inside the functions": share}
    if kind != "noop":
        return {f"{kind}, tasks/s": rate}
    figures = {
        "drain, tasks/s": rate,
        "CPU of the worker's children in the drain, us a task": used / count * 1e6,
        "bulk enqueue, tasks/s": count / sent["seconds"],
    }
    if rig.service.server:
        figures["CPU of the server in the drain, us a task"] = (server - before) / count * 1e6
    return figures


noop = partial(_drain, "noop")
pause = partial(_drain, "pause")
long = partial(_drain, "long")
mix = partial(_drain, "mix")
