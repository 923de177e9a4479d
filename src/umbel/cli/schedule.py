"""``umbel schedule``: the entries of the schedule, when they run, and why one did or did not."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Final

import click

from .. import clock
from ..app.roster import Listed, Roster
from ..beat import outlook
from ..coordinator import Coordinator, Lease, Standing
from ..exceptions import NotFound
from ..loading import did_you_mean
from ..schedules import Entry
from . import show, words
from .session import Session, app_option

PATIENCE: Final = 4.0
"""Seconds in which a leader that lives renews its lease."""

LOOK: Final = 0.1
WIDTH: Final = 24
"""Characters of the drawn line of time."""

NOBODY: Final = "none, start umbel beat"


@click.group()
@app_option
@click.pass_obj
def schedule(session: Session, /, app_name: str | None) -> None:
    """Periodic tasks: list, next, why; add, edit, pause, resume, run, remove, reset.

    \b
    umbel -A proj schedule list
    umbel -A proj schedule why nightly
    umbel -A proj schedule add hourly proj.report 'every(hours=1)'
    umbel -A proj schedule pause nightly --until 2h
    """
    session.name = app_name or session.name


def _opened(session: Session, app_name: str | None) -> tuple[Roster, Coordinator]:
    app = session.app(app_name)
    app.import_modules()
    held = click.get_current_context().with_resource
    coordinator = held(closing(app.coordinator()))
    return Roster(app, held(closing(app.overrides()))), coordinator


@schedule.command("list")
@app_option
@show.json_option
@click.pass_obj
def list_entries(session: Session, /, app_name: str | None, as_json: bool) -> None:
    """The entries: when each ran last by its schedule, and when it runs next. Asks whether the leader lives."""
    roster, coordinator = _opened(session, app_name)
    standing, now = coordinator.look(), clock.wall()
    rows = outlook.rows(roster.listed(), standing, now)
    lease, lives = standing.lease, _renewed(coordinator, standing)
    if as_json:
        leader = lease.node if lease and lease.leader else None
        bad = {row.name: row.wrong for row in rows if row.wrong}
        term = lease.term if lease else 0
        show.dump({"leader": leader, "alive": lives, "term": term, "entries": rows, "bad": bad, "file": roster.wrong})
        return
    silent = "" if lives else ", and is silent: it is dead, stopped, or cannot reach the store"
    click.echo(f"leader: {lease.node + silent if lease and lease.leader else NOBODY}", err=True)
    cells = [
        (r.name, r.task, r.schedule, words.moment(r.last or 0), words.moment(r.next or 0), f"{r.lag:.1f}", _source(r))
        for r in rows
    ]
    show.table(("name", "task", "schedule", "last", "next", "lag", "source"), cells, nothing="No entries.")
    for sentence in filter(None, (roster.wrong, *(row.wrong for row in rows))):
        click.echo(sentence, err=True)


def _source(row: outlook.Row) -> str:
    return f"{row.source} by {row.by}" if row.by else row.source


@schedule.command("next")
@app_option
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--limit", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many runs.")
@show.json_option
@click.pass_obj
def next_runs(session: Session, /, app_name: str | None, names: tuple[str, ...], limit: int, as_json: bool) -> None:
    """The coming runs, of some entries or of all."""
    roster, coordinator = _opened(session, app_name)
    listed = {one.name: one for one in roster.listed()}
    chosen = [_runnable(found(name, listed)) for name in names] or [e for one in listed.values() if (e := one.entry)]
    tasks = {entry.name: entry for entry in chosen}
    now = clock.wall()
    runs = outlook.coming(chosen, coordinator.look(), now, limit)
    if as_json:
        show.dump([{"at": at, "name": name, "task": tasks[name].task} for at, name in runs])
        return
    end = max(at for at, _ in runs) if runs else now
    cells = [
        (outlook.local(at, outlook.zone_of(tasks[name].schedule)), name, tasks[name].task, _drawn(at, now, end))
        for at, name in runs
    ]
    heads = ("at", "name", "task", "from now on")
    width = 4 if show.drawn() else 3
    show.table(heads[:width], [cell[:width] for cell in cells], nothing="No run is to come.")


@schedule.command("why")
@app_option
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="How much of the history.")
@show.json_option
@click.pass_obj
def why_entry(session: Session, /, app_name: str | None, name: str, limit: int, as_json: bool) -> None:
    """Why an entry did or did not run: who sends it, who changed it, what happened lately, what comes."""
    roster, coordinator = _opened(session, app_name)
    standing = coordinator.look()
    history, changes = coordinator.history(name, limit), coordinator.history("")
    one = roster.find(name)
    if one is not None:
        renewed = _renewed(coordinator, standing)
        sentences = outlook.why(one, standing, history, changes[:limit], clock.wall(), renewed=renewed)
    else:
        sentences = outlook.gone(name, standing, changes)
        if not sentences:
            found(name, dict.fromkeys(roster.names()))
    if as_json:
        show.dump({"name": name, "sentences": sentences, "history": history})
        return
    for sentence in sentences:
        click.echo(sentence)


def found(name: str, listed: dict[str, Any]) -> Any:
    """The entry of a name.

    Raises:
        NotFound: there is none.
    """
    if name not in listed:
        raise NotFound(f"There is no entry {name!r} in the schedule.{did_you_mean(name, listed)}")
    return listed[name]


def _runnable(one: Listed) -> Entry:
    if one.entry is None:
        raise NotFound(one.wrong or f"The entry {one.name} was removed; umbel schedule reset {one.name} undoes that.")
    return one.entry


def _renewed(coordinator: Coordinator, standing: Standing) -> bool:
    """Whether somebody leads who lives: seen by his renewals, because no clock tells."""
    if standing.lease is None or not standing.lease.leader:
        return False
    until = clock.monotonic() + PATIENCE
    while _count(coordinator.look().lease) == _count(standing.lease):
        if clock.monotonic() >= until:
            return False
        time.sleep(LOOK)
    return True


def _count(lease: Lease | None) -> tuple[int, int]:
    return (lease.term, lease.renewals) if lease else (0, 0)


def _drawn(at: float, now: float, end: float) -> str:
    """A line of time from now to the last run, with a mark."""
    place = round(max(0.0, at - now) / max(end - now, 0.001) * (WIDTH - 1))
    return f"{'·' * place}●"
