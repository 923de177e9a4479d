"""Visible: how old a result is when a reader in another process sees it, while a backlog of short tasks is worked off.

The tasks wait a millisecond each, so that a core is free; the reader asks for the results that it has not seen yet,
every third of a millisecond.
"""

from __future__ import annotations

import statistics

from benchmarks.rig import Rig


def backlog(rig: Rig, count: int) -> dict[str, float]:
    worker = rig.worker()
    rig.ask("ages", kind="brief", count=50, stall=rig.stall)  # the worker learns how long they take
    found = rig.ask("ages", kind="brief", count=count, stall=rig.stall)
    rig.end(worker)
    if found["seen"] != count or len(found["ages"]) < count / 10:
        raise AssertionError(f"{found['seen']} results of {count}, {len(found['ages'])} while they were read")
    cuts = statistics.quantiles(found["ages"], n=100, method="inclusive")
    return {"result visible p50, ms": cuts[49], "result visible p99, ms": cuts[98]}
