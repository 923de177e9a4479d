"""Rounds: the contestants in turn, measure by measure, A B C D A B C D, so that a change hits them all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.measures import Figures, Measure
from benchmarks.processes import Died
from benchmarks.rig import rig
from benchmarks.verdicts import Rounds

FAULTS = (AssertionError, Died, OSError)
"""What makes a run fail; `CheckFailed` and `TimeoutError` are among them."""


@dataclass(frozen=True)
class Plan:
    """How much.

    Attributes:
        rounds: how often each contestant has its turn.
        quick: small counts.
        count: amount of work instead of the measure's own.
        folder: where stores are made, None: the system's temporary folder.
        stall: seconds without a new result after which the rest counts as lost.
    """

    rounds: int
    quick: bool
    count: int | None = None
    folder: Path | None = None
    stall: float = 20.0


def once(plan: Plan, measure: Measure, contestant: Contestant) -> Figures:
    """One measure of one contestant on a fresh store.

    Raises:
        CheckFailed: a result is missing or wrong.
    """
    amount = measure.amount(contestant, quick=plan.quick)
    if plan.count is not None:
        amount = max(1, round(plan.count * contestant.share)) if measure.shared else plan.count
    with rig(contestant, plan.folder, plan.stall) as made:
        return measure.run(made, amount)


def run(plan: Plan, what: Sequence[Measure], who: Sequence[Contestant]) -> tuple[Rounds, list[str]]:
    """All measures of all contestants. Returns the figures of each round, and what failed."""
    figures: Rounds = {}
    failures: list[str] = []
    for measure in what:
        for turn in range(plan.rounds):
            for contestant in who:
                if contestant.few is not None and measure.name not in contestant.few:
                    continue
                try:
                    found = once(plan, measure, contestant)
                except FAULTS as error:
                    failures.append(f"{measure.name}, round {turn + 1}: {error}")
                    sys.stderr.write(f"FAILED {failures[-1]}\n")
                    continue
                for name, value in found.items():
                    figures.setdefault(name, {}).setdefault(contestant.name, []).append(value)
                shown = ", ".join(f"{name} {value:,.4g}" for name, value in found.items())
                sys.stderr.write(f"{measure.name} {turn + 1}/{plan.rounds} {contestant.name}: {shown}\n")
    return figures, failures
