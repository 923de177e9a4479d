"""Options of Celery's worker: accepted, so that a start line stays as it is, and what each is here.

no effect   umbel has no such part (gossip, mingle, a state file), or always works like that (fair scheduling)
refused     it asks for something that this worker does not do; starting without it would be a surprise
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from ..exceptions import ImproperlyConfigured

REFUSED = {
    "beat": "-B/--beat: this worker has no scheduler inside; let your system's (cron, a systemd timer) run umbel call",
    "autoscale": "--autoscale: the number of children is fixed here; choose it with -c",
}  # fmt: skip
"""Option -> the sentence."""

_OPTIONS = (
    click.option("-S", "--statedb", metavar="PATH", help="No effect: revocations are kept in the store."),
    click.option("-O", "--optimization", type=click.Choice(["default", "fair"]), help="No effect: always fair."),
    click.option("-E", "--task-events", "--events", is_flag=True, help="Send events about tasks."),
    click.option("--without-gossip", is_flag=True, help="No effect: there is no gossip."),
    click.option("--without-mingle", is_flag=True, help="No effect: there is no mingle."),
    click.option("--without-heartbeat", is_flag=True, help="No effect: liveness costs no message."),
    click.option("--heartbeat-interval", type=int, metavar="SECONDS", help="No effect, as above."),
    click.option("--executable", metavar="PATH", help="No effect: children are forked."),
    click.option("--autoscale", metavar="MAX,MIN", hidden=True),
    click.option("-B", "--beat", is_flag=True, hidden=True),
    click.option("-s", "--schedule-filename", "--schedule", metavar="PATH", hidden=True),
    click.option("--scheduler", metavar="CLASS", hidden=True),
)


def accept(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def refuse(options: Mapping[str, Any]) -> None:
    """Raise for an option that asks for what is not there."""
    for name, sentence in REFUSED.items():
        if options[name]:
            raise ImproperlyConfigured(sentence)
