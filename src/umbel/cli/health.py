"""``umbel health``: is a worker or scheduler of this machine live, is it ready. What is more than a plain probe comes
here.
"""

from __future__ import annotations

import click

from . import probe, show


@click.command()
@click.option("-A", "--app", "_app", hidden=True, expose_value=False)
@click.option(
    "-n",
    "--hostname",
    metavar="NAME",
    help="Node name of the worker, the default one unless given; beat for a scheduler.",
)
@click.option("--file", "path", metavar="PATH", help="Heartbeat file; found by the node name unless given.")
@click.option("--live", "what", flag_value="live", help="Its loop turns (default).", default="live")
@click.option("--ready", "what", flag_value="ready", help="It does its work, and its store answers.")
@show.json_option
def health(hostname: str | None, path: str | None, what: str, as_json: bool) -> int:
    """Answer a probe: exit code 0 for yes, 1 for no.

    \b
    umbel health --live
    umbel health --ready -n w1@example
    umbel health --ready -n beat
    """
    return probe.answer(probe.Question(what, hostname, path, as_json))
