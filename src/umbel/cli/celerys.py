"""Options of Celery's worker: accepted, so that a start line stays as it is, and what each is here.

no effect   umbel has no such part (gossip, mingle, a state file), or always works like that (fair scheduling)

And what a worker that stands for Celery says and does besides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from ..conf import DIFFERENT_DEFAULTS, Settings
from ..integrations.celery import installed


def sizes(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Most and fewest processes, in either order; a single number is the most."""
    if value is None:
        return None
    try:
        least, most = sorted(map(int, value.split(","))) if "," in value else (0, int(value))
    except ValueError:
        least, most = -1, 0
    if least < 0 or most < 1:
        raise click.BadParameter(f"{value!r} is no MAX,MIN: write two numbers, as in 10,3", ctx, param)
    return most, least


_OPTIONS = (
    click.option("-S", "--statedb", metavar="PATH", help="No effect: revocations are kept in the store."),
    click.option("-O", "--optimization", type=click.Choice(["default", "fair"]), help="No effect: always fair."),
    click.option("-E", "--task-events", "--events", is_flag=True, help="Send events about tasks."),
    click.option("--without-gossip", is_flag=True, help="No effect: there is no gossip."),
    click.option("--without-mingle", is_flag=True, help="No effect: there is no mingle."),
    click.option(
        "--without-heartbeat", is_flag=True, help="Send no heartbeat events; who lives is known without them."
    ),
    click.option(
        "--heartbeat-interval", type=click.IntRange(min=1), metavar="SECONDS", help="Between two of them (2)."
    ),
    click.option("--executable", metavar="PATH", help="No effect: children are forked."),
    click.option(
        "--autoscale", callback=sizes, metavar="MAX,MIN", help="The number of processes or threads follows the work."
    ),
    click.option("-B", "--beat", is_flag=True, help="Send periodic tasks, too; any number of workers may."),
    click.option("-s", "--schedule-filename", "--schedule", metavar="PATH", help="As of umbel beat."),
    click.option("--scheduler", metavar="CLASS", help="With -B: run this class instead, as of umbel beat."),
)


_BEAT_OPTIONS = (
    click.option("-S", "--scheduler", metavar="CLASS", help="Run this class, or what a package calls so, instead."),
    click.option("-s", "--schedule", metavar="PATH", help="Its file. Without -S that of Celery's beat, to go on from."),
    click.option("--enable-remote-control/--no-enable-remote-control", default=None, hidden=True),
    click.option("--executable", metavar="PATH", help="No effect."),
)


def accept_beat(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Celery's beat."""
    for option in reversed(_BEAT_OPTIONS):
        command = option(command)
    return command


def accept(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def grace(conf: Settings) -> float:
    """Seconds that running tasks have after SIGTERM; without limit, as in Celery, where umbel stands for it."""
    found: float = conf.worker_shutdown_grace
    return math.inf if installed() and not conf.is_explicit("worker_shutdown_grace") else found


def departures(conf: Settings) -> list[str]:
    """Lines for people who start what was written for Celery: the defaults that are other ones here."""
    if not installed():
        return []
    differing = [(name, one) for name, one in DIFFERENT_DEFAULTS.items() if not conf.is_explicit(name)]
    if not differing:
        return ["  defaults Celery's own"]
    lines = [
        f"  default  {name} {_shown(one.umbel)} (Celery: {_shown(one.celery)}): {one.why}" for name, one in differing
    ]
    return [*lines, "  note     umbel --celery-defaults undoes these; a setting that is written is honoured"]


def _shown(default: Any) -> str:
    """A default for people: a sentence as it is, all else as Python writes it."""
    return default if isinstance(default, str) and " " in default else repr(default)
