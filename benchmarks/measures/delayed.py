"""Delayed tasks: what they cost a running worker, and whether immediate tasks notice them."""

from __future__ import annotations

import statistics
import time

from benchmarks.measures.memory import settled
from benchmarks.rig import CheckFailed, Rig

HOUR = 3600.0
IMMEDIATE = 1_000


def _immediate(rig: Rig) -> float:
    """Tasks a second of immediate tasks, called one by one while the worker runs: the middle of three tries."""
    rates = []
    for _ in range(3):
        started = time.monotonic()
        rig.ask("each", kind="noop", count=IMMEDIATE)
        rates.append(IMMEDIATE / (rig.results(IMMEDIATE) - started))
    return statistics.median(rates)


def waiting(rig: Rig, count: int) -> dict[str, float]:
    worker = rig.worker()
    rig.warm()
    before_rate = _immediate(rig)
    before = settled(worker)
    sent = rig.ask("later", kind="noop", count=count, seconds=HOUR)
    if sent["count"] != count:
        raise CheckFailed(f"{rig.contestant.name}: {sent['count']} ids for {count} delayed tasks")
    after = settled(worker)
    after_rate = _immediate(rig)
    rig.end(worker)
    return {
        "delayed tasks": float(count),
        "worker memory added by delayed tasks, MB": after - before,
        "immediate tasks beside delayed ones, of their rate before": after_rate / before_rate,
    }
