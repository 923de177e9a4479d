"""``umbel health``: is the worker of this machine live, is it ready. Reads one file; imports no app, opens no store."""

from __future__ import annotations

from pathlib import Path

import click

from .. import clock, loading
from ..worker import health as beats
from ..worker.options import node_name
from . import show


@click.command()
@click.option("-A", "--app", "_app", hidden=True, expose_value=False)
@click.option("-n", "--hostname", metavar="NAME", help="Node name of the worker; the default one unless given.")
@click.option("--file", "path", metavar="PATH", help="Heartbeat file; found by the node name unless given.")
@click.option("--live", "what", flag_value="live", help="The worker's loop turns (default).", default="live")
@click.option("--ready", "what", flag_value="ready", help="It takes work, and its store answers.")
@show.json_option
def health(hostname: str | None, path: str | None, what: str, as_json: bool) -> int:
    """Answer a probe: exit code 0 for yes, 1 for no.

    \b
    umbel health --live
    umbel health --ready -n w1@example
    """
    where = path or str(heartbeat_file(node_name(hostname)))
    beat = beats.read(where)
    now = clock.monotonic()
    fine = beat is not None and (beat.live(now) if what == "live" else beat.serving(now))
    if as_json:
        show.dump({"file": where, what: fine, "beat": beat})
    elif beat is None:
        click.echo(f"not {what}: no worker writes {where}")
    else:
        click.echo(
            f"{'' if fine else 'not '}{what}: {beat.node}, pid {beat.pid}, last beat {show.age(now - beat.beat)} ago"
        )
    return 0 if fine else 1


def heartbeat_file(node: str) -> Path:
    """Where the worker of this node name writes its heartbeat."""
    return loading.state_dir() / "run" / f"{node}.health"
