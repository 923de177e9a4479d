"""Paired: umbel and the bare loop in turn on one measure, and the ratio of each pair. For tuning: quick, and honest."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping

from benchmarks.contestants import Contestant
from benchmarks.measures import Measure
from benchmarks.rounds import FAULTS, Plan, once


def alternate(plan: Plan, measure: Measure, everybody: Mapping[str, Contestant]) -> int:
    """Print each pair and the median ratio by figure; 0 when every result was there."""
    ratios: dict[str, list[float]] = {}
    for turn in range(plan.rounds):
        # who goes first alternates, so that warming up favours nobody
        order = ("bare", "umbel") if turn % 2 == 0 else ("umbel", "bare")
        try:
            found = {name: once(plan, measure, everybody[name]) for name in order}
        except FAULTS as error:
            sys.stderr.write(f"FAILED {measure.name}, pair {turn + 1}: {error}\n")
            return 1
        for figure, ours in found["umbel"].items():
            theirs = found["bare"].get(figure)
            if theirs:
                ratios.setdefault(figure, []).append(ours / theirs)
                print(f"{figure}: umbel {ours:,.0f}, bare {theirs:,.0f}, ratio {ours / theirs:.3f}", flush=True)
    for figure, values in ratios.items():
        print(
            f"median of {len(values)}: {figure} {statistics.median(values):.3f} ({min(values):.3f} - {max(values):.3f})"
        )
    return 0
