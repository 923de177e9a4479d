"""``umbel status``, ``umbel inspect``, ``umbel report`` and ``umbel shell``."""

from __future__ import annotations

import code
import os
from typing import Any

import click

from ..control import Control
from . import show
from .session import Session, app_option, names

COMMANDS = (
    "active", "active_queues", "clock", "conf", "ping", "query_task", "registered", "report", "reserved", "revoked",
    "scheduled", "stats",
)  # fmt: skip


@click.command()
@app_option
@click.option("-t", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for answers.")
@click.option("-d", "--destination", callback=names, metavar="NODES", help="Ask these nodes only.")
@show.json_option
@click.pass_obj
def status(
    session: Session, /, app_name: str | None, timeout: float, destination: tuple[str, ...], as_json: bool
) -> int:
    """Who is there. Exit code 69 when no worker answers."""
    answers = Control(session.app(app_name)).ping(destination or None, timeout)
    nodes = sorted(node for answer in answers for node in answer)
    if as_json:
        show.dump(dict.fromkeys(nodes, "ok"))
    else:
        for node in nodes:
            click.echo(f"{node}: OK")
        if not session.quiet:
            click.echo(f"\n{len(nodes)} node{'' if len(nodes) == 1 else 's'} online.")
    return 0 if nodes else _nobody()


def _nobody() -> int:
    click.echo("Error: No nodes replied within time constraint", err=True)
    return os.EX_UNAVAILABLE


@click.command()
@app_option
@click.argument("command", required=False)
@click.argument("arguments", nargs=-1)
@click.option("--list", "listing", is_flag=True, help="List the questions.")
@click.option("-t", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for answers.")
@click.option("-d", "--destination", callback=names, metavar="NODES", help="Ask these nodes only.")
@show.json_option
@click.pass_obj
def inspect(
    session: Session, /, app_name: str | None, command: str | None, arguments: tuple[str, ...], listing: bool,
    timeout: float, destination: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Ask running workers; a busy worker answers too.

    \b
    umbel -A proj inspect active
    umbel -A proj inspect stats --json
    """
    if listing:
        click.echo("\n".join(COMMANDS))
        return 0
    if command not in COMMANDS:
        raise click.UsageError(
            f"Command {command or ''} not recognized. Available inspect commands: {', '.join(COMMANDS)}"
        )
    ask = Control(session.app(app_name)).inspect(destination or None, timeout).ask
    answers = ask(command, ids=list(arguments)) if command == "query_task" else ask(command)
    if not answers:
        return _nobody()
    if as_json:
        show.dump(answers)
    else:
        for node, answer in sorted(answers.items()):
            click.echo(f"->  {node}: OK")
            _say(answer)
    return 0


def _say(answer: Any) -> None:
    if isinstance(answer, list):
        for line in answer or ["- empty -"]:
            click.echo(f"    * {line}" if answer else f"        {line}")
    elif isinstance(answer, dict):
        for key, value in answer.items():
            click.echo(f"    {key}: {value}")
    else:
        click.echo(f"    {answer}")


@click.command()
@app_option
@click.pass_obj
def report(session: Session, /, app_name: str | None) -> None:
    """What to put into a bug report: versions, store and settings, without secrets."""
    click.echo(session.app(app_name).report())


@click.command()
@app_option
@click.pass_obj
def shell(session: Session, /, app_name: str | None) -> None:
    """A Python shell with `app` and its tasks."""
    app = session.app(app_name)
    names_of = {name.rpartition(".")[2]: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    code.interact(banner=f"umbel shell: app, {', '.join(sorted(names_of))}", local={"app": app, **names_of}, exitmsg="")
