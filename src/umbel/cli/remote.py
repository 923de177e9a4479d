"""``umbel inspect`` and ``umbel control``: what a project adds to the panel is listed and read like umbel's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..control import Control
from ..worker.commands import questions, steering
from ..worker.control import Info, Kind, Panel
from . import codes, show
from .session import Session, app_option, names

__all__ = ["control", "inspect", "nobody", "questions", "steering"]


def nobody() -> int:
    """Say that no worker has answered."""
    click.echo("Error: No nodes replied within time constraint", err=True)
    return codes.UNAVAILABLE


def _listed(kind: Kind, *, as_json: bool) -> int:
    known = Panel.listed(kind)
    if as_json:
        show.dump(list(known))
    elif show.drawn():
        show.table(("command", ""), [(_signed(name, info), info.help) for name, info in known.items()], nothing="")
    else:
        for name in known:
            click.echo(name)
    return 0


def _signed(name: str, info: Info) -> str:
    return f"{name} {info.signature}" if info.signature else name


def _info(kind: Kind, command: str | None) -> Info:
    known = Panel.listed(kind)
    if command in known:
        return known[command]
    said = f"Command {command} not recognized" if command else f"No {'question' if kind == 'inspect' else 'command'}"
    raise click.UsageError(f"{said}{'' if command else ' was named'}. Available {kind} commands: {', '.join(known)}")


def _arguments(command: str, info: Info, words: list[str]) -> dict[str, Any]:
    """The words of the command line as the command's arguments."""
    taken: dict[str, Any] = {}
    try:
        for (name, read), word in zip(info.args or (), words, strict=False):
            taken[name] = read(word)
    except ValueError as error:
        raise click.UsageError(f"{_signed(command, info)}: {error}") from error
    rest = words[len(taken) :]
    if info.variadic:
        taken[info.variadic] = rest
    elif rest:
        raise click.UsageError(f"Command {command!r} takes arguments: {info.signature or 'none'}")
    return taken


_OPTIONS = (
    app_option,
    click.argument("command", required=False),
    click.argument("arguments", nargs=-1),
    click.option("--list", "listing", is_flag=True, help="List the commands."),
    click.option("-t", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait."),
    click.option("-d", "--destination", callback=names, metavar="NODES", help="These nodes only."),
    show.json_option,
    click.pass_obj,
)


def _verb(function: Callable[..., Any]) -> click.Command:
    """A command with the options that both have."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return click.command()(function)


@_verb
def inspect(session: Session, /, app_name: str | None, **options: Any) -> int:
    """Ask running workers; a busy worker answers too.

    \b
    umbel -A proj inspect active
    umbel -A proj inspect stats --json
    """
    return _ask(session, app_name, "inspect", **options)


@_verb
def control(session: Session, /, app_name: str | None, **options: Any) -> int:
    """Change something in running workers, until they end.

    \b
    umbel -A proj control rate_limit proj.mail 10/m
    umbel -A proj control pool_grow 2 -d w1@example
    """
    return _ask(session, app_name, "control", **options)


def _ask(
    session: Session, app_name: str | None, kind: Kind, *, command: str | None, arguments: tuple[str, ...],
    listing: bool, timeout: float, destination: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    if listing and not (app_name or session.name):
        return _listed(kind, as_json=as_json)
    if command not in Panel.listed(kind) and not (app_name or session.name):
        _info(kind, command)
    app = session.app(app_name)
    app.import_modules()
    if listing:
        return _listed(kind, as_json=as_json)
    info = _info(kind, command)
    assert command is not None
    read = _arguments(command, info, list(arguments))
    with Control(app) as asked:
        said = asked.broadcast(command, read, destination, reply=True, timeout=max(timeout, info.default_timeout))
    answers = {node: answer for one in said for node, answer in one.items()}
    if as_json:
        show.dump(answers)
    for node, answer in sorted(answers.items() if not as_json else ()):
        failed = isinstance(answer, dict) and "error" in answer
        click.echo(f"->  {node}: {'ERROR' if failed else 'OK'}")
        _draw(answer) if show.drawn() else _say(answer)
    return 0 if answers else nobody()


def _draw(answer: Any) -> None:
    """An answer for a terminal: facts as two columns, a list of them as a table with a head."""
    if isinstance(answer, dict):
        show.table(("", ""), list(answer.items()), nothing="- empty -")
    elif isinstance(answer, list) and answer and all(isinstance(one, dict) for one in answer):
        heads = list(dict.fromkeys(key for one in answer for key in one))
        show.table(heads, [[one.get(head, "") for head in heads] for one in answer], nothing="")
    elif isinstance(answer, list):
        show.table(("",), [(one,) for one in answer], nothing="- empty -")
    else:
        click.echo(answer)


def _say(answer: Any) -> None:
    """An answer for a pipe, in Celery's lines."""
    if isinstance(answer, list):
        for line in answer or ["- empty -"]:
            click.echo(f"    * {line}" if answer else f"        {line}")
    elif isinstance(answer, dict):
        for key, value in answer.items():
            click.echo(f"    {value}" if key in ("ok", "error") and len(answer) == 1 else f"    {key}: {value}")
    else:
        click.echo(f"    {answer}")
