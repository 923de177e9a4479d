"""python -m benchmarks: the command line of the benchmarks.

    python -m benchmarks                          all measures, five rounds, report in benchmarks/results/latest
    python -m benchmarks --store redis            the same for Redis, report in benchmarks/results/latest-redis
    python -m benchmarks --store rabbitmq         the same for RabbitMQ, report in benchmarks/results/latest-rabbitmq
    python -m benchmarks --quick                  one round with small counts
    python -m benchmarks --only umbel,bare,drain  these contestants and measures
    python -m benchmarks paired drain             umbel and the bare loop alternately, and their ratio
    python -m benchmarks profile                  where the time of a task goes in one child of umbel

Exit code: 0 when every result of every task was there and right; 1 when not, or when --assert is given and a figure
was missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import facts, measures, report, suites
from benchmarks.contestants import Contestant
from benchmarks.paired import alternate
from benchmarks.processes import adopt_orphans
from benchmarks.rounds import Plan, run
from benchmarks.verdicts import judge


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", nargs="?", choices=("run", "paired", "profile"), default="run")
    parser.add_argument("measure", nargs="?", choices=tuple(measures.ALL), default="drain", help="for `paired`")
    parser.add_argument("--store", choices=tuple(suites.ALL), default="sqlite", help="who is compared on which store")
    parser.add_argument("--rounds", type=int, help="rounds of the contestants in turn (5; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="one round with small counts: shows that all of it works")
    parser.add_argument("--only", default="", help="names of contestants and measures, comma separated")
    parser.add_argument("--count", type=int, help="amount of work of each measure, for the fastest contestant")
    parser.add_argument("--output", type=Path, help="folder of the report (in benchmarks/results)")
    parser.add_argument("--folder", type=Path, help="where the stores are made (the system's temporary folder)")
    parser.add_argument(
        "--stall", type=float, default=20.0, help="seconds without a new result after which the rest is lost"
    )
    parser.add_argument("--assert", dest="insist", action="store_true", help="a missed figure is an error too")
    return parser


def _chosen(only: str, everybody: Mapping[str, Contestant]) -> tuple[list[Contestant], list[measures.Measure]]:
    names = [name for name in only.split(",") if name]
    unknown = set(names) - set(everybody) - set(measures.ALL)
    if unknown:
        known = ", ".join([*everybody, *measures.ALL])
        raise SystemExit(f"--only knows no {', '.join(sorted(unknown))}; it takes: {known}")
    who = [everybody[name] for name in everybody if name in names] or list(everybody.values())
    what = [measures.ALL[name] for name in measures.ALL if name in names] or list(measures.ALL.values())
    return who, what


def main(argv: Sequence[str] | None = None, everybody: Mapping[str, Contestant] | None = None) -> int:
    """Run what the arguments ask for; returns the exit code."""
    options = _parser().parse_args(argv)
    adopt_orphans()
    if options.verb == "profile":
        from benchmarks import profile  # it imports umbel, which no other verb does in this process

        return profile.main(options.store, options.count or 20_000)
    suite = suites.ALL[options.store]
    if everybody is not None:
        suite = replace(suite, contestants=everybody)
    everybody = suite.contestants
    who, what = _chosen(options.only, everybody)
    rounds = options.rounds or (1 if options.quick else 5)
    plan = Plan(rounds, options.quick, options.count, options.folder, options.stall)
    if options.verb == "paired":
        return alternate(plan, measures.ALL[options.measure], everybody)
    known = facts.gather(who)
    figures, failures = run(plan, what, who)
    output = options.output or report.RESULTS / suite.folder
    paths = report.write(suite, output, figures, known, failures)
    print(report.markdown(suite, figures, known, failures))
    print("written:", *paths)
    missed = [verdict.figure for verdict in judge(figures, suite.judges) if verdict.reached is False]
    return 1 if failures or (options.insist and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
