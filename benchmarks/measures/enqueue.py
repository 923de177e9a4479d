"""Enqueue: one `delay()` after another in one process while no worker runs; then a worker runs them, to check them."""

from __future__ import annotations

from benchmarks.rig import Rig


def one_by_one(rig: Rig, count: int) -> dict[str, float]:
    sent = rig.ask("each", kind="noop", count=count)
    worker = rig.worker()
    rig.results(count)
    rig.end(worker)
    return {"enqueue one by one, tasks/s": count / sent["seconds"]}
