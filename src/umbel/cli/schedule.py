"""``umbel schedule``: the entries of the schedule, when they run, and why one did or did not."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import click

from .. import clock
from ..beat import entries_of, outlook
from ..coordinator import Coordinator, Lease, Standing
from ..exceptions import NotFound
from ..loading import did_you_mean
from . import show, words
from .session import Session, app_option

if TYPE_CHECKING:
    from ..app import Umbel

PATIENCE: Final = 4.0
"""Seconds in which a leader that lives renews its lease."""

LOOK: Final = 0.1
WIDTH: Final = 24
"""Characters of the drawn line of time."""


@click.group()
@app_option
@click.pass_obj
def schedule(session: Session, /, app_name: str | None) -> None:
    """Periodic tasks: list, next, why.

    \b
    umbel -A proj schedule list
    umbel -A proj schedule why nightly
    """
    session.name = app_name or session.name


def _opened(session: Session, app_name: str | None) -> tuple[Umbel, Coordinator]:
    app = session.app(app_name)
    app.import_modules()
    return app, click.get_current_context().with_resource(closing(app.coordinator()))


@schedule.command("list")
@app_option
@show.json_option
@click.pass_obj
def list_entries(session: Session, /, app_name: str | None, as_json: bool) -> None:
    """The entries: when each ran last by its schedule, and when it runs next."""
    app, coordinator = _opened(session, app_name)
    entries, bad = entries_of(app)
    standing, now = coordinator.look(), clock.wall()
    rows = outlook.rows(entries, standing, now)
    lease = standing.lease
    if as_json:
        leader = lease.node if lease and lease.leader else None
        show.dump({"leader": leader, "term": lease.term if lease else 0, "entries": rows, "bad": bad})
        return
    click.echo(f"leader: {lease.node}" if lease and lease.leader else "leader: none, start umbel beat", err=True)
    cells = [
        (r.name, r.task, r.schedule, words.moment(r.last or 0), words.moment(r.next or 0), f"{r.lag:.1f}") for r in rows
    ]
    show.table(("name", "task", "schedule", "last", "next", "lag"), cells, nothing="No entries.")
    for sentence in bad.values():
        click.echo(sentence, err=True)


@schedule.command("next")
@app_option
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--limit", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many runs.")
@show.json_option
@click.pass_obj
def next_runs(session: Session, /, app_name: str | None, names: tuple[str, ...], limit: int, as_json: bool) -> None:
    """The coming runs, of some entries or of all."""
    app, coordinator = _opened(session, app_name)
    entries, bad = entries_of(app)
    chosen = [_named(name, entries, bad) for name in names] or [*entries.values()]
    now = clock.wall()
    runs = outlook.coming(chosen, coordinator.look(), now, limit)
    if as_json:
        show.dump([{"at": at, "name": name, "task": entries[name].task} for at, name in runs])
        return
    end = max(at for at, _ in runs) if runs else now
    cells = [
        (outlook.local(at, outlook.zone_of(entries[name].schedule)), name, entries[name].task, _drawn(at, now, end))
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
    """Why an entry did or did not run: who sends it, what happened lately, what comes."""
    app, coordinator = _opened(session, app_name)
    entries, bad = entries_of(app)
    standing = coordinator.look()
    history = coordinator.history(name, limit)
    if name in bad:
        sentences = [bad[name]]
    elif name not in entries and name in standing.marks:
        sentences = [f"{name} is not in beat_schedule any more."]
    else:
        entry = _named(name, entries, bad)
        renewed = _renewed(coordinator, standing)
        changes = coordinator.history("", limit)
        sentences = outlook.why(entry, standing, history, changes, clock.wall(), renewed=renewed)
    if as_json:
        show.dump({"name": name, "sentences": sentences, "history": history})
        return
    for sentence in sentences:
        click.echo(sentence)


def _named(name: str, entries: dict[str, Any], bad: dict[str, str]) -> Any:
    if name in bad:
        raise NotFound(bad[name])
    if name not in entries:
        raise NotFound(f"There is no entry {name!r} in beat_schedule.{did_you_mean(name, entries)}")
    return entries[name]


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
