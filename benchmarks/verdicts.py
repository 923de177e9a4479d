"""The figures that umbel is to reach, and what a run says about each of them.

Absolute figures are meant for a two-core machine with nothing else to do; ratios for any.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Rounds = dict[str, dict[str, list[float]]]
"""Figure -> contestant -> one value a round."""

PEERS = ("huey", "celery", "threads", "dramatiq", "taskiq")
TIE = 0.98
"""Where every contestant only waits, a difference below 2 % is none."""


@dataclass(frozen=True)
class Verdict:
    """`reached` is None when the run did not measure it."""

    figure: str
    wanted: str
    found: str
    reached: bool | None


Judge = Callable[[Rounds], Verdict]


def median(rounds: Rounds, figure: str, who: str) -> float | None:
    values = rounds.get(figure, {}).get(who)
    return statistics.median(values) if values else None


def paired(rounds: Rounds, figure: str, who: str, other: str) -> float | None:
    """Median of the ratios of runs that stood side by side."""
    ours, theirs = rounds.get(figure, {}).get(who), rounds.get(figure, {}).get(other)
    if not ours or not theirs:
        return None
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=False))


def _bound(figure: str, limit: float, *, most: bool) -> Judge:
    def judge(rounds: Rounds) -> Verdict:
        value = median(rounds, figure, "umbel")
        wanted = f"{'<=' if most else '>='} {limit:,g}"
        if value is None:
            return Verdict(figure, wanted, "not measured", None)
        return Verdict(figure, wanted, f"{value:,.4g}", value <= limit if most else value >= limit)

    return judge


def _ratio(figure: str, other: str, least: float) -> Judge:
    def judge(rounds: Rounds) -> Verdict:
        value = paired(rounds, figure, "umbel", other)
        wanted = f">= {least:g} of {other}"
        if value is None:
            return Verdict(figure, wanted, "not measured", None)
        return Verdict(figure, wanted, f"{value:.3f}", value >= least)

    return judge


def _best(figure: str) -> Judge:
    def judge(rounds: Rounds) -> Verdict:
        ratios = {who: value for who in PEERS if (value := paired(rounds, figure, "umbel", who)) is not None}
        wanted = f"worse than nobody (>= {TIE:g})"
        if not ratios:
            return Verdict(figure, wanted, "not measured", None)
        found = ", ".join(f"{value:.3f} of {who}" for who, value in ratios.items())
        return Verdict(figure, wanted, found, min(ratios.values()) >= TIE)

    return judge


_SHARED = (
    _bound("bulk enqueue, tasks/s", 60_000, most=False),
    _bound("start latency p50, ms", 0.5, most=True),
    _bound("start latency p99, ms", 2.0, most=True),
    _bound("result visible p99, ms", 5.0, most=True),
    _bound("memory of the worker, MB PSS", 80.0, most=True),
    _bound("worker memory added by delayed tasks, MB", 20.0, most=True),
    _bound("immediate tasks beside delayed ones, of their rate before", 0.8, most=False),
    _bound("recovery after kill -9, s", 10.0, most=True),
    _best("pause, tasks/s"),
    _best("long, tasks/s"),
    _best("mix, part of the cores' time inside the functions"),
)
SQLITE = (
    _ratio("drain, tasks/s", "bare", 1.2),
    _best("drain, tasks/s"),
    _bound("enqueue one by one, tasks/s", 20_000, most=False),
    *_SHARED,
)
REDIS = (
    _ratio("drain, tasks/s", "bare", 1.0),
    _ratio("drain, tasks/s", "celery", 50.0),
    _best("drain, tasks/s"),
    _ratio("enqueue one by one, tasks/s", "celery", 5.0),
    *_SHARED,
)
RABBITMQ = (
    _ratio("drain, tasks/s", "bare", 0.8),
    _ratio("bulk enqueue, tasks/s", "bare", 0.8),
    _ratio("drain, tasks/s", "celery", 10.0),
    _best("drain, tasks/s"),
)


def judge(rounds: Rounds, judges: Sequence[Judge] = SQLITE) -> list[Verdict]:
    """All verdicts, in the order of the report."""
    return [one(rounds) for one in judges]
