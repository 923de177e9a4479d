"""The measures: what is done, what is timed, and what must be true at the end.

A measure takes a rig and its amount of work and returns figures by name; it raises `CheckFailed` when a task's result
is missing or wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.contestants import Contestant
from benchmarks.measures import delayed, drain, enqueue, latency, memory, recovery, visible
from benchmarks.rig import Rig

Figures = dict[str, float]


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: as in `--only`.
        run: does it.
        full: amount of work for the fastest contestant.
        quick: amount of work with `--quick`.
        least: no contestant gets less than this.
        shared: True when slower contestants get a smaller share of the work (a rate does not depend on it).
    """

    name: str
    run: Callable[[Rig, int], Figures]
    full: int
    quick: int
    least: int = 1
    shared: bool = False

    def amount(self, contestant: Contestant, *, quick: bool) -> int:
        most = self.quick if quick else self.full
        return max(min(self.least, most), round(most * contestant.share)) if self.shared else most


ALL = {
    measure.name: measure
    for measure in (
        Measure("drain", drain.noop, 200_000, 20_000, least=200, shared=True),
        Measure("enqueue", enqueue.one_by_one, 50_000, 4_000, least=200, shared=True),
        Measure("latency", latency.idle, 500, 30),
        Measure("visible", visible.backlog, 2_000, 200, least=200, shared=True),
        Measure("memory", memory.idle, 50_000, 2_000, least=200, shared=True),
        Measure("delayed", delayed.waiting, 200_000, 5_000, least=500, shared=True),
        Measure("recovery", recovery.after_kill, 1_000, 1_000),
        Measure("pause", drain.pause, 600, 60),
        Measure("long", drain.long, 12, 4),
        Measure("mix", drain.mix, 4_000, 200),
    )
}
