"""``umbel call``, ``umbel result`` and ``umbel revoke``."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import Any

import click
import msgspec

from ..control import Control
from ..exceptions import ImproperlyConfigured, NotFound
from ..result import AsyncResult
from . import codes, show
from .session import Session, app_option


class JsonOf(click.ParamType[Any]):
    """A JSON value of one kind."""

    def __init__(self, kind: type, name: str) -> None:
        self.kind = kind
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, self.kind):
            return value
        try:
            found = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            self.fail(f"this is not JSON: {error}", param, ctx)
        if not isinstance(found, self.kind):
            example = "[2, 3]" if self.kind is list else '{"x": 2}'
            self.fail(f"a JSON {self.name} is needed, as in {example}", param, ctx)
        return found


class Moment(click.ParamType[Any]):
    """An ISO 8601 date and time."""

    name = "ISO-TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO 8601 time such as 2030-01-02T03:04:05", param, ctx)


class MomentOrSeconds(Moment):
    """An ISO 8601 time, or a number of seconds from now."""

    name = "SECONDS|ISO-TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return float(value)
        except (TypeError, ValueError):
            return super().convert(value, param, ctx)


@click.command()
@app_option
@click.argument("name")
@click.argument("loose", nargs=-1, metavar="")
@click.option("-a", "--args", type=JsonOf(list, "array"), default="[]", help="Positional arguments, a JSON array.")
@click.option("-k", "--kwargs", type=JsonOf(dict, "object"), default="{}", help="Keyword arguments, a JSON object.")
@click.option("--eta", type=Moment(), help="Do not start before this time.")
@click.option("--countdown", type=float, metavar="SECONDS", help="Start so many seconds from now.")
@click.option("--expires", type=MomentOrSeconds(), help="Do not start after this time, or so many seconds from now.")
@click.option("--serializer", default="json", show_default=True)
@click.option("--queue", metavar="NAME")
@click.option("--exchange", metavar="NAME")
@click.option("--routing-key", metavar="KEY")
@click.option("--wait", type=float, metavar="SECONDS", help="Wait for the result and print it.")
@show.json_option
@click.pass_obj
def call(
    session: Session, /, app_name: str | None, name: str, loose: tuple[str, ...], args: list[Any],
    kwargs: dict[str, Any], wait: float | None, as_json: bool, **options: Any,
) -> int:  # fmt: skip
    """Send one task by name; prints its id.

    \b
    umbel -A proj call proj.add -a '[2, 3]'
    umbel -A proj call proj.mail -k '{"to": "a@example.org"}' --countdown 60
    """
    if loose:
        array = json.dumps([_value(text) for text in loose], ensure_ascii=False)
        raise click.UsageError(f"The arguments are one JSON array: umbel call {name} -a {shlex.quote(array)}")
    app = session.app(app_name)
    app.import_modules()
    given = {key: value for key, value in options.items() if value is not None}
    task = app.tasks.get(name)
    try:
        sent = app.send_task(name, args, kwargs, **given) if task is None else task.apply_async(args, kwargs, **given)
    except (TypeError, ValueError) as error:  # the task's own signature and types refuse them
        raise ImproperlyConfigured(str(error)) from error
    if not as_json:
        click.echo(sent.id)
    if task is None and not session.quiet:
        click.echo(
            f"umbel: the task {name!r} is not known here; it was sent and waits for a worker that knows it", err=True
        )
    if wait is not None:
        sent.get(timeout=wait, propagate=False)
        return _print(sent, as_json=as_json, traceback=False)
    if as_json:
        show.dump({"id": sent.id, "name": name})
    return 0


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(found: AsyncResult[Any], *, as_json: bool, traceback: bool) -> int:
    """Print an outcome; returns the exit code."""
    fine = found.successful()
    if as_json:
        shown = found.result if fine else str(found.result)
        show.dump({"id": found.id, "state": found.state, "result": shown, "traceback": found.traceback})
    else:
        click.echo(found.traceback if traceback and found.traceback else found.result)
    return 0 if fine else codes.NO


@click.command()
@app_option
@click.argument("task_id")
@click.option("-t", "--task", metavar="NAME", help="Task name; its return annotation gives the result its type.")
@click.option("--traceback", is_flag=True, help="Print the traceback of a failure.")
@click.option("--wait", type=float, metavar="SECONDS", help="Wait for it first.")
@show.json_option
@click.pass_obj
def result(
    session: Session, /, app_name: str | None, task_id: str, task: str | None, traceback: bool, wait: float | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Print the result of a task. Exit code 1 when it failed, 66 when it is not there yet.

    \b
    umbel -A proj result ID
    umbel -A proj result ID --wait 10 --json
    """
    app = session.app(app_name)
    app.import_modules()
    if task and task not in app.tasks:
        raise NotFound(f"the app has no task called {task!r}; a wrong name, or its module is not imported")
    found = app.tasks[task].AsyncResult(task_id) if task else app.AsyncResult(task_id)
    if wait is not None:
        found.get(timeout=wait, propagate=False)
    if not found.ready():
        if app.result_url is not None and found.known is False:
            raise NotFound(f"no task with the id {task_id} is stored, waiting or running here")
        click.echo(f"umbel: the task {task_id} has not ended: {found.state}", err=True)
        return codes.NOT_FOUND
    return _print(found, as_json=as_json, traceback=traceback)


@click.command()
@app_option
@click.argument("task_ids", nargs=-1, required=True)
@click.option("--terminate", is_flag=True, help="Also stop those that run.")
@click.option("-s", "--signal", "signal_name", metavar="NAME", help="Signal for running ones, SIGTERM unless given.")
@show.json_option
@click.pass_obj
def revoke(
    session: Session, /, app_name: str | None, task_ids: tuple[str, ...], terminate: bool, signal_name: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Revoke tasks: waiting ones are removed at once, the others do not start. It needs no worker to be there.

    \b
    umbel -A proj revoke ID
    umbel -A proj revoke ID1 ID2 --terminate
    """
    with Control(session.app(app_name)) as control:
        removed = control.revoke(task_ids, terminate=terminate, signal=signal_name)
    if as_json:
        show.dump({"revoked": list(task_ids), "removed": removed})
    else:
        click.echo(f"{len(task_ids)} revoked, {len(removed)} of them removed from their queue")
