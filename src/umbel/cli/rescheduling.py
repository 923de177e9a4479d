"""``umbel schedule add | edit | show | pause | resume | run | remove | reset``: what changes entries while they run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, get_args

import click
import msgspec

from ..app.roster import Listed
from ..exceptions import ImproperlyConfigured
from ..schedules.policy import CatchUp, Overlap
from . import show, words
from .schedule import schedule
from .sending import JsonOf, Moment
from .session import Session, app_option

if TYPE_CHECKING:
    from ..app.schedules import Schedules

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")

Command = Callable[..., Any]


class Until(Moment):
    """An ISO 8601 time, or a duration from now."""

    name = "DURATION|ISO-TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return super().convert(value, param, ctx)
        return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _said(command: Command) -> Command:
    """What an entry may say, for `add` and `edit`."""
    for option in reversed(
        (
            click.option("-a", "--args", type=JsonOf(list, "array"), help="Positional arguments, a JSON array."),
            click.option("-k", "--kwargs", type=JsonOf(dict, "object"), help="Keyword arguments, a JSON object."),
            click.option("--options", type=JsonOf(dict, "object"), help="As apply_async has them, a JSON object."),
            click.option("--queue", metavar="NAME", help="One of these: the queue."),
            click.option("--catch-up", type=click.Choice(get_args(CatchUp)), help="Of ticks that were missed."),
            click.option("--catch-up-most", type=click.IntRange(1), metavar="N", help='How many "all" sends.'),
            click.option("--overlap", type=click.Choice(get_args(Overlap)), help="While the task before runs."),
            click.option("--max-lateness", type=float, metavar="SECONDS", help="A later tick is not sent."),
            click.option("--expires", type=float, metavar="SECONDS", help="A later task does not begin."),
            click.option("--any-task", is_flag=True, help="Do not ask whether the app knows the task."),
        )
    ):
        command = option(command)
    return command


@contextmanager
def _changing(session: Session, app_name: str | None) -> Iterator[Schedules]:
    app = session.app(app_name)
    app.import_modules()
    try:
        yield app.schedules
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from error


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; the queue is one of the task's."""
    queue = options.pop("queue")
    if queue is not None:
        options["options"] = {**(options["options"] or {}), "queue": queue}
    return {name: value for name, value in options.items() if value is not None}


@schedule.command("add")
@app_option
@click.argument("name")
@click.argument("task")
@click.argument("when", metavar="SCHEDULE")
@_said
@click.pass_obj
def add_entry(session: Session, /, app_name: str | None, name: str, task: str, when: str, **options: Any) -> None:
    """Add an entry. It acts within a second, and stays until it is removed.

    SCHEDULE is seconds, a cron string, or a schedule as it stands in code:

    \b
    umbel -A proj schedule add poll proj.poll 30
    umbel -A proj schedule add nightly proj.report '30 2 * * *' --queue night
    umbel -A proj schedule add lunch proj.report 'at("12:00", days="mon-fri", tz="Asia/Shanghai")'
    """
    with _changing(session, app_name) as schedules:
        _print(schedules.add(name, task, when, **_given(options)))


@schedule.command("edit")
@app_option
@click.argument("name")
@click.option("-t", "--task", metavar="NAME", help="Another task.")
@click.option("-s", "--schedule", metavar="SCHEDULE", help="Another schedule, as of add.")
@_said
@click.pass_obj
def edit_entry(session: Session, /, app_name: str | None, name: str, **options: Any) -> None:
    """Change an entry, also one from the code; what is not named stays.

    \b
    umbel -A proj schedule edit nightly --schedule '0 4 * * *' --overlap skip
    """
    with _changing(session, app_name) as schedules:
        _print(schedules.edit(name, **_given(options)))


@schedule.command("show")
@app_option
@click.argument("name")
@show.json_option
@click.pass_obj
def show_entry(session: Session, /, app_name: str | None, name: str, as_json: bool) -> None:
    """An entry, whole, and who changed what of it."""
    with _changing(session, app_name) as schedules:
        listed = schedules.get(name)
    if as_json:
        show.dump(_facts(listed))
    else:
        _print(listed)


@schedule.command("pause")
@app_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--until", type=Until(), help="Go on by itself then: 30m, 2h, or a time.")
@click.pass_obj
def pause_entries(session: Session, /, app_name: str | None, names: tuple[str, ...], until: Any) -> None:
    """Send entries no more; what would run meanwhile is left out, and not made up for.

    \b
    umbel -A proj schedule pause nightly
    umbel -A proj schedule pause nightly hourly --until 2h
    """
    with _changing(session, app_name) as schedules:
        for name in names:
            _print(schedules.pause(name, until))


@schedule.command("resume")
@app_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def resume_entries(session: Session, /, app_name: str | None, names: tuple[str, ...]) -> None:
    """Send entries again that were paused."""
    with _changing(session, app_name) as schedules:
        for name in names:
            _print(schedules.resume(name))


@schedule.command("run")
@app_option
@click.argument("name")
@click.pass_obj
def run_entry(session: Session, /, app_name: str | None, name: str) -> None:
    """Send an entry's task now, beside its schedule; prints the task's id."""
    with _changing(session, app_name) as schedules:
        click.echo(schedules.run(name).id)


@schedule.command("remove")
@app_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def remove_entries(session: Session, /, app_name: str | None, names: tuple[str, ...]) -> None:
    """Take entries away; those of the code are not sent any more, until they are reset."""
    with _changing(session, app_name) as schedules:
        for name in names:
            schedules.remove(name)
            click.echo(f"{name}: removed")


@schedule.command("reset")
@app_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def reset_entries(session: Session, /, app_name: str | None, names: tuple[str, ...]) -> None:
    """Undo what was changed of entries of the code."""
    with _changing(session, app_name) as schedules:
        for name in names:
            _print(schedules.reset(name))


def _facts(listed: Listed) -> dict[str, Any]:
    entry, override = listed.entry, listed.override
    facts: dict[str, Any] = {"name": listed.name, "source": listed.source, "wrong": listed.wrong}
    if entry is not None:
        facts |= {"task": entry.task, "schedule": repr(entry.schedule), "args": entry.args, "kwargs": entry.kwargs}
        facts |= {"options": entry.options, **msgspec.structs.asdict(entry.policy), "pause": entry.pause}
    if override is not None:
        facts |= {"by": override.by, "at": override.at, "override": msgspec.Raw(override.text.encode())}
    return facts


def _print(listed: Listed) -> None:
    """An entry in lines; what it does not say is left out."""
    entry = listed.entry
    if entry is None:
        click.echo(listed.wrong or f"{listed.name}: removed")
        return
    by = f" by {listed.override.by}, {words.moment(listed.override.at)}" if listed.override else ""
    click.echo(f"{entry.name}: {entry.task} by {entry.schedule!r} ({listed.source}{by})")
    policy, plain = msgspec.structs.asdict(entry.policy), msgspec.structs.asdict(type(entry.policy)())
    more = {"args": entry.args, "kwargs": entry.kwargs, "options": entry.options}
    more |= {name: value for name, value in policy.items() if value != plain[name]}
    for name, value in more.items():
        if value:
            click.echo(f"  {name}: {value}")
    if entry.pause is not None:
        end = words.moment(entry.pause.until) if entry.pause.until else "somebody resumes it"
        click.echo(f"  paused until {end}")
