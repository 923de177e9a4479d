"""``umbel queues``, ``umbel messages``, ``umbel dead`` and ``umbel purge``: the store itself, no worker needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .. import clock
from ..broker import Item, Place
from ..inspector import PLACES, Entry, Inspector, entry
from . import show, words
from .sending import JsonOf
from .session import Session, app_option, names

force_option = click.option("-f", "--force", is_flag=True, help="Do not ask.")


def looking(session: Session, app_name: str | None) -> Inspector:
    """The app's store, closed when the command ends."""
    return click.get_current_context().with_resource(Inspector(session.app(app_name)))


@click.command()
@app_option
@show.json_option
@click.pass_obj
def queues(session: Session, /, app_name: str | None, as_json: bool) -> None:
    """Sizes of the queues and the age of the oldest message that waits.

    \b
    umbel -A proj queues
    umbel -A proj queues --json
    """
    counts = looking(session, app_name).queues()
    if as_json:
        show.dump(counts)
        return
    now = clock.wall()
    rows = [
        (c.queue, c.ready, c.delayed, c.leased, c.dead, words.age(now - c.oldest) if c.oldest else "") for c in counts
    ]
    show.table(("queue", "ready", "delayed", "running", "dead", "oldest"), rows, nothing="No messages.")


@click.command()
@app_option
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@click.option(
    "-Q", "--queues", "wanted", callback=names, metavar="NAMES", help="These queues; the app's own unless given."
)
@click.option("-X", "--exclude-queues", "excluded", callback=names, metavar="NAMES", help="Not these.")
@show.json_option
@click.pass_obj
def purge(
    session: Session, /, app_name: str | None, force: bool, wanted: tuple[str, ...], excluded: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Remove everything that waits in queues. What runs goes on.

    \b
    umbel -A proj purge -Q mail
    umbel -A proj purge --force --json
    """
    app = session.app(app_name)
    declared = app.declared
    left_out = {declared.unalias(name) for name in excluded}
    chosen = [name for name in map(declared.unalias, wanted or declared.names) if name not in left_out]
    if not force:
        click.confirm(f"Remove all waiting messages of {', '.join(chosen)} for good?", abort=True, err=True)
    inspector = looking(session, app_name)
    count = sum(inspector.purge(name) for name in chosen)
    if as_json:
        show.dump({"purged": count, "queues": chosen})
        return
    click.echo(
        f"Purged {count} message{'' if count == 1 else 's'} from {len(chosen)} queue{'' if len(chosen) == 1 else 's'}."
    )


@click.group()
@app_option
@click.pass_obj
def messages(session: Session, /, app_name: str | None) -> None:
    """Stored messages: list, show, delete.

    \b
    umbel messages -A proj list --place delayed
    umbel -A proj messages show ID
    """
    session.name = app_name or session.name


@messages.command("list")
@app_option
@click.option("--place", type=click.Choice(PLACES), default="ready", show_default=True)
@click.option("-Q", "--queue", metavar="NAME")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@show.json_option
@click.pass_obj
def list_messages(
    session: Session, /, app_name: str | None, place: Place, queue: str | None, limit: int, as_json: bool
) -> None:
    """Messages in the order in which they would be taken."""
    found = looking(session, app_name).entries(place, queue=queue, limit=limit)
    show_entries(found, as_json, nothing=f"No {place} messages.")


def show_entries(found: Sequence[Entry], as_json: bool, *, nothing: str) -> None:
    """Print messages as JSON or as a table."""
    if as_json:
        show.dump(found)
        return
    dead = any(one.place == "dead" for one in found)
    heads = (
        "id",
        "task",
        "queue",
        "args",
        "kwargs",
        "retries",
        "reason" if dead else "owner",
        "died" if dead else "due",
    )
    rows = [
        (
            one.id, one.name, one.queue, one.args, one.kwargs, one.retries, one.reason if dead else one.owner,
            words.moment(one.died if dead else one.due),
        )
        for one in found
    ]  # fmt: skip
    show.table(heads, rows, nothing=nothing)


@messages.command("show")
@app_option
@click.argument("task_id")
@show.json_option
@click.pass_obj
def show_message(session: Session, /, app_name: str | None, task_id: str, as_json: bool) -> None:
    """Everything that is known of one message."""
    found = [entry(item) for item in looking(session, app_name).items(task_id)]
    if as_json:
        show.dump(found)
        return
    for one in found:
        for field in one.__struct_fields__:
            value = getattr(one, field)
            shown = words.moment(value) if field in ("stored", "due", "died") else value
            if shown not in ("", 0):
                click.echo(f"{field:9} {shown}")


@messages.command("delete")
@app_option
@click.argument("task_ids", nargs=-1, required=True)
@force_option
@show.json_option
@click.pass_obj
def delete_messages(
    session: Session, /, app_name: str | None, task_ids: tuple[str, ...], force: bool, as_json: bool
) -> None:
    """Delete messages for good; the outcome of one that runs is dropped."""
    inspector = looking(session, app_name)
    found = [item for task_id in task_ids for item in inspector.items(task_id)]
    if not force:
        click.confirm(f"Delete {len(found)} message(s) for good?", abort=True, err=True)
    say("deleted", inspector.delete(found), found, as_json)


def say(done: str, count: int, items: Sequence[Item], as_json: bool) -> None:
    """Print to how many messages something was done; as JSON also which ones were meant."""
    if as_json:
        show.dump({done: count, "ids": [item.parcel.id for item in items]})
    else:
        click.echo(f"{count} {done}")


@click.group()
@app_option
@click.pass_obj
def dead(session: Session, /, app_name: str | None) -> None:
    """Dead letters: list, show, replay, discard.

    \b
    umbel -A proj dead list
    umbel -A proj dead replay ID
    """
    session.name = app_name or session.name


@dead.command("list")
@app_option
@click.option("-Q", "--queue", metavar="NAME")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@show.json_option
@click.pass_obj
def list_dead(session: Session, /, app_name: str | None, queue: str | None, limit: int, as_json: bool) -> None:
    """Messages that were set aside, with the reason."""
    found = looking(session, app_name).entries("dead", queue=queue, limit=limit)
    show_entries(found, as_json, nothing="No dead letters.")


dead.add_command(show_message, "show")


@dead.command("replay")
@app_option
@click.argument("task_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("-a", "--args", type=JsonOf(list, "array"), help="New arguments, for a single one.")
@click.option("-k", "--kwargs", type=JsonOf(dict, "object"), help="New keyword arguments, for a single one.")
@show.json_option
@click.pass_obj
def replay(
    session: Session, /, app_name: str | None, task_ids: tuple[str, ...], everything: bool, args: list[Any] | None,
    kwargs: dict[str, Any] | None, as_json: bool,
) -> None:  # fmt: skip
    """Put dead letters back into their queues, with fresh counters."""
    edited = args is not None or kwargs is not None
    if not task_ids and not everything:
        raise click.UsageError("Name task ids, or --all.")
    if edited and len(task_ids) != 1:
        raise click.UsageError("New arguments are for a single dead letter: name one task id.")
    inspector = looking(session, app_name)
    found = inspector.dead(task_ids)
    count = inspector.replay(found, arguments=(args or [], kwargs or {}) if edited else None)
    say("replayed", count, found, as_json)


@dead.command("discard")
@app_option
@click.argument("task_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@force_option
@show.json_option
@click.pass_obj
def discard(
    session: Session, /, app_name: str | None, task_ids: tuple[str, ...], everything: bool, force: bool, as_json: bool
) -> None:
    """Delete dead letters for good."""
    if not task_ids and not everything:
        raise click.UsageError("Name task ids, or --all.")
    inspector = looking(session, app_name)
    found = inspector.dead(task_ids)
    if not force:
        click.confirm(f"Delete {len(found)} dead letter(s) for good?", abort=True, err=True)
    say("discarded", inspector.delete(found), found, as_json)
