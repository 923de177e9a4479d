"""Start latency: an idle worker, one call at a time, from before `delay()` to the function's first line."""

from __future__ import annotations

import statistics

from benchmarks.rig import Rig

GAP = 0.005
"""Seconds of rest around each sample, give or take a quarter: the worker sleeps again long before. After a longer rest
other programs have taken the processor's caches, and everybody's start is later by what it costs to fill them.
"""


def idle(rig: Rig, count: int) -> dict[str, float]:
    worker = rig.worker()
    rig.warm()
    samples = rig.ask("latency", samples=count, gap=GAP)["samples"]
    rig.end(worker)
    if len(samples) != count:
        raise AssertionError(f"{len(samples)} samples of {count}")
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return {"start latency p50, ms": cuts[49], "start latency p99, ms": cuts[98]}
