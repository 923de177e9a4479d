"""The report: medians and spreads as a Markdown table, everything as JSON, the rates as a plot."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path

from benchmarks.suites import Suite
from benchmarks.verdicts import Rounds, Verdict, judge

FACTS = ("processes", "held", "given back", "delayed")
"""Figures that describe a measure; they are not drawn."""
RESULTS = Path(__file__).resolve().parent / "results"


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _cell(values: list[float]) -> str:
    if not values:
        return "-"
    middle = _number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_number(min(values))} - {_number(max(values))})"


def _mark(verdict: Verdict) -> str:
    return {True: "reached", False: "**missed**", None: "-"}[verdict.reached]


def markdown(suite: Suite, rounds: Rounds, facts: dict[str, str], failures: list[str]) -> str:
    """The whole report as text."""
    known = suite.contestants
    who = [name for name in known if any(name in row for row in rounds.values())]
    lines = [f"# {suite.title}", "", "Median of the rounds, least and greatest in brackets.", ""]
    lines += ["| figure | " + " | ".join(known[name].title for name in who) + " |", "|---" * (len(who) + 1) + "|"]
    for figure, row in rounds.items():
        lines.append(f"| {figure} | " + " | ".join(_cell(row.get(name, [])) for name in who) + " |")
    lines += ["", "| to reach (umbel) | wanted | found | verdict |", "|---|---|---|---|"]
    lines += [f"| {one.figure} | {one.wanted} | {one.found} | {_mark(one)} |" for one in judge(rounds, suite.judges)]
    lines += ["", *(f"- {known[name].title}: {known[name].note}." for name in who), ""]
    if failures:
        lines += ["## Checks that failed", "", *(f"- {line}" for line in failures), ""]
    lines += [
        "| machine and versions | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        "",
    ]
    return "\n".join(lines)


def write(suite: Suite, folder: Path, rounds: Rounds, facts: dict[str, str], failures: list[str]) -> list[Path]:
    """Write report.md, report.json and, where matplotlib is installed, report.svg and report.png."""
    folder.mkdir(parents=True, exist_ok=True)
    text, data = folder / "report.md", folder / "report.json"
    text.write_text(markdown(suite, rounds, facts, failures))
    document = {
        "facts": facts,
        "rounds": rounds,
        "verdicts": [asdict(one) for one in judge(rounds, suite.judges)],
        "failures": failures,
    }
    data.write_text(json.dumps(document, indent=1) + "\n")
    return [text, data, *plot(suite, folder, rounds)]


def plot(suite: Suite, folder: Path, rounds: Rounds) -> list[Path]:
    """One small bar chart a figure, on one page; nothing without matplotlib."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return []
    figures = [figure for figure, row in rounds.items() if row and not figure.startswith(FACTS)]
    if not figures:
        return []
    wide = min(3, len(figures))
    high = -(-len(figures) // wide)
    page, axes = plt.subplots(high, wide, figsize=(4.2 * wide, 2.4 * high), squeeze=False)
    for axis in axes.flat[len(figures) :]:
        axis.set_axis_off()
    for axis, figure in zip(axes.flat, figures, strict=False):
        _bars(axis, figure, rounds[figure], list(suite.contestants))
    page.tight_layout()
    paths = [folder / "report.svg", folder / "report.png"]
    for path in paths:
        page.savefig(path, dpi=120)
    plt.close(page)
    return paths


def _bars(axis, figure: str, row: dict[str, list[float]], order: list[str]) -> None:
    names = [name for name in reversed(order) if row.get(name)]
    middles = [statistics.median(row[name]) for name in names]
    below = [middle - min(row[name]) for name, middle in zip(names, middles, strict=True)]
    above = [max(row[name]) - middle for name, middle in zip(names, middles, strict=True)]
    colours = ["#c2410c" if name == "umbel" else "#94a3b8" for name in names]
    bars = axis.barh(names, middles, xerr=[below, above], color=colours, error_kw={"lw": 0.8})
    axis.bar_label(bars, [_number(value) for value in middles], padding=3, fontsize=8)
    axis.set_title(figure, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.margins(x=0.25)
    axis.spines[["top", "right"]].set_visible(False)
