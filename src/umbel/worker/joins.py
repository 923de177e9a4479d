"""What a task brings to a join (`outcome.Member`): the members of a chord's header, and the message that is its body.

The body's message is built whole by every member; only the list of results is left open, for the store to fill in. When
a member has failed, the same message says so instead, and whoever claims it settles the body as failed: its errbacks,
and what would have followed it, take the path that every failure takes.

A body that is not one message (a group, a chord) goes through one of its own, `umbel.go_on`, which sends it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..app.joined import knows_sizes
from ..canvas import ADDS, COLLECT, collecting, derived, is_bare, maybe_signature
from ..ids import derived_id
from ..message import Parcel
from ..outcome import Member, Splice
from ..serialization import decode_json, encode_json

if TYPE_CHECKING:
    from ..app import Umbel
    from ..context import Context

logger = logging.getLogger("umbel.worker")

GO_ON: Final = "umbel.go_on"
"""Task that sends a body; see `app.builtins`."""

FAILED: Final = "failed"
"""Key in the third part of a body: the member that failed, and its error; the message is settled as failed."""

_PAIR: Final = 2
_JSON: Final = b"[["
_HOLE: Final = b"[[[]"


def members_of(
    app: Umbel, request: Context, value: bytes, *, failed: bool, expires: float, queue: str | None
) -> tuple[Member, ...]:
    """What this request brings; the caller names all requests that end with it.

    Args:
        app: builds the body's message.
        request: of a task that has ended, or that never will.
        value: its result, JSON; the field ``result`` of its document when it has failed.
        failed: whether it has failed.
        expires: unix time until which the join is remembered.
        queue: the one that a message came from which has ended with it.
    """
    form = request.chord
    if not form:
        return ()
    size, known = form.get("chord_size") or 0, knows_sizes(app)
    if known is None or not (size or known):
        logger.error("Task %s[%s] belongs to a chord that is not joined here: its body will not run", *_named(request))
        return ()
    then, otherwise = _messages(app, form, request)
    if not app.settles_results:
        then, otherwise = _kept_here(app, then, queue), _kept_here(app, otherwise, queue)
    if failed:
        value = b"[%b,%b]" % (encode_json(request.id), value)
    join, place = str(request.group), request.group_index or 0
    return (
        Member(
            join=join, id=request.id, place=place, size=int(size), failed=failed, value=value, then=then,
            otherwise=otherwise, expires=expires, adds=tuple(form.get(ADDS) or ()),
        ),
    )  # fmt: skip


def _named(request: Context) -> tuple[str, str]:
    return request.task, request.id


def _messages(app: Umbel, form: Mapping[str, Any], request: Context) -> tuple[Splice, Splice]:
    body = maybe_signature({name: value for name, value in form.items() if name != ADDS}, app=app).clone()
    join = str(request.group)
    if is_bare(form):
        return _to_fail(app, body, request, join)
    if _is_one_message(body):
        with derived(join, 0, request.reply_to), collecting() as outbox:
            body.apply_async(
                ([],), parent_id=request.id, root_id=request.root_id or request.id, argsrepr="([...],)",
                add_to_parent=False, **_way(body, request),
            )  # fmt: skip
        # a step of the broker puts it into queues only; compressed, or in another serializer, it has no place for the
        # results
        parcel = outbox.parcels[0] if len(outbox.parcels) == 1 else None
        takes = _takes(body)
        if parcel and (parcel.queue or not app.settles_results) and parcel.body.startswith(_HOLE if takes else _JSON):
            return _spliced(parcel, takes=takes)
    return _spliced(_going_on(app, body, request, join), takes=True)


def _to_fail(app: Umbel, body: Any, request: Context, join: str) -> tuple[Splice, Splice]:
    """The messages of a body of which only the head told: there is no running it, so no arguments are checked."""
    if body.subtask_type is not None:
        return _spliced(_going_on(app, body, request, join), takes=True)
    with collecting() as outbox:
        app.send_task(body["task"], ([],), **{
            **body.options, "parent_id": request.id, "root_id": request.root_id or request.id, "add_to_parent": False,
            "argsrepr": "([...],)", "serializer": "json", "compression": False,
        })  # fmt: skip
    return _spliced(outbox.parcels[0], takes=True)


def _way(body: Any, request: Context) -> dict[str, Any]:
    """Nobody chose the queue of what only passes results on: it goes where a member was served."""
    first = body.tasks[0] if body.subtask_type == "chain" else body
    return {"queue": request.came_from} if first["task"] == COLLECT and "queue" not in first.options else {}


def _is_one_message(body: Any) -> bool:
    first = body.tasks[0] if body.subtask_type == "chain" else body
    return first.subtask_type not in ("chain", "group", "chord")


def _takes(body: Any) -> bool:
    """Whether the list of results is its first argument."""
    first = body.tasks[0] if body.subtask_type == "chain" else body
    return not first.immutable


def _going_on(app: Umbel, body: Any, request: Context, join: str) -> Parcel:
    """The message that sends the body; it stands for the body when a member has failed."""
    task: Any = app.tasks[GO_ON]
    with collecting() as outbox:
        task.apply_async(
            ([], body), task_id=derived_id(join, 1), parent_id=request.id, root_id=request.root_id or request.id,
            queue=request.came_from, serializer="json", compression=False, ignore_result=False,
            argsrepr="([...], ...)", link_error=body.options.get("link_error"), add_to_parent=False,
        )  # fmt: skip
    parcel: Parcel = outbox.parcels[0]
    return parcel


def _spliced(parcel: Parcel, *, takes: bool) -> tuple[Splice, Splice]:
    args, _kwargs, embed = decode_json(parcel.body)
    if parcel.name == GO_ON:  # what ends with it is what it would have sent
        embed = {**embed, "chain": [args[1]]}
    said = encode_json(embed)[:-1]
    otherwise = Splice(_with_body(parcel, b'[[], {}, %b,"%b":' % (said, FAILED.encode())), b"}]", own=True)
    if not takes:
        return Splice(parcel), otherwise
    before, own = _HOLE[:-1], parcel.name == GO_ON
    return Splice(_with_body(parcel, before), parcel.body[len(before) :], own), otherwise


def _with_body(parcel: Parcel, body: bytes) -> Parcel:
    return msgspec.structs.replace(parcel, body=body)


def _kept_here(app: Umbel, splice: Splice, queue: str | None) -> Splice:
    """What only umbel can run, in a queue that umbel serves: the one that `task_routes` names for `GO_ON`, else that
    of the last member. Where the store that joins is not the broker, nobody else keeps it from Celery's workers.
    """
    if not splice.own:
        return splice
    routed = app.template(GO_ON, app.tasks[GO_ON], {}).queue
    home = queue if routed == app.conf.task_default_queue and queue else routed
    parcel = msgspec.structs.replace(splice.parcel, queue=home, exchange="", routing_key="")
    return msgspec.structs.replace(splice, parcel=parcel)


def lost_member(embed: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The member whose failure a body's message tells of, with the field ``result`` of its document."""
    told = embed.get(FAILED)
    return (str(told[0]), told[1]) if isinstance(told, list) and len(told) == _PAIR else None
