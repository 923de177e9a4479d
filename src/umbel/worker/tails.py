"""The tail of a task: what would have followed it in its workflow, and never will when it fails.

A step that waits for a task that failed has failed with it: its result is stored as well, so that nobody waits for it.

    chain  a | b | c        a fails: b and c get a's failure
    group at its end        each member gets it
    chord among the steps   its body gets it; the header has never been sent

Of a long chain (`canvas.segments`) a message knows one segment. The link to the next one is sent then with a note of
what came before: whoever claims it settles that segment in the same way, and does not go on with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..canvas import CONTINUE, follow_up
from ..context import Context
from ..message import Headers, Parcel
from ..serialization import decode_json, encode_json

if TYPE_CHECKING:
    from ..app import Umbel

STOPPED: Final = "stopped"
"""Key in the third part of a body: the state that a chain has come to before this link, and the field ``result``."""

_BEYOND: Final = -100
"""The position of such a message among the follow-ups of a task."""

_PAIR: Final = 2
_NOWHERE: Final[Mapping[str, Any]] = {}


def tail_of(request: Context) -> Iterator[Context]:
    """A request for each task that would have followed in this one's chain, next one first."""
    for form in reversed(request.chain or ()):
        if form.get("task") != CONTINUE:
            yield from _ends(form)


def beyond(app: Umbel, request: Context, status: str, result: bytes) -> tuple[Parcel, ...]:
    """The message that stops the next segment of a chain which this request's task has ended; mostly none.

    Args:
        app: builds it.
        request: of the task.
        status: state of all that would have followed, "" when nothing is said of it.
        result: the field ``result`` of that, JSON.
    """
    forms = [form for form in request.chain or () if form.get("task") == CONTINUE]
    return tuple(
        msgspec.structs.replace(parcel, body=_noted(parcel.body, status, result))
        for form in forms
        for parcel in follow_up(app, form, (None,), request, _BEYOND, serializer="json", compression=False)
    )


def _noted(body: bytes, status: str, result: bytes) -> bytes:
    args, kwargs, embed = decode_json(body)
    said = encode_json(embed)[:-1]
    return b'[%b,%b,%b,"%b":["%b",%b]}]' % (
        encode_json(args), encode_json(kwargs), said, STOPPED.encode(), status.encode(), result
    )  # fmt: skip


def stopped_by(embed: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """What `beyond` has noted: state and result."""
    told = embed.get(STOPPED)
    return (str(told[0]), encode_json(told[1])) if isinstance(told, list) and len(told) == _PAIR else None


def _ends(form: Mapping[str, Any], around: Mapping[str, Any] = _NOWHERE) -> Iterator[Context]:
    """The tasks whose results are those of a step.

    Args:
        form: of the step.
        around: options of the workflow that it ends; as when it is sent, its end belongs to the chord of that.
    """
    kind, kwargs, own = form.get("subtask_type"), form.get("kwargs") or {}, form.get("options") or {}
    place = {name: own.get(name) or around.get(name) for name in ("group_id", "group_index")}
    place["chord"] = around.get("chord") or own.get("chord")
    if kind == "chord":
        if kwargs.get("body"):
            yield from _ends(kwargs["body"], place)
    elif kind == "group":
        for member in kwargs.get("tasks") or ():
            yield from _ends(member, place)
    elif kind == "chain":
        steps = kwargs.get("tasks") or ()
        for number, step in enumerate(steps, 1):
            yield from _ends(step, place if number == len(steps) else _NOWHERE)
    elif own.get("task_id"):
        task, group, index = form.get("task") or "", place["group_id"], place["group_index"]
        headers = Headers(task, own["task_id"], group=group, group_index=index)
        yield Context(headers, None, (), {}, {"chord": place["chord"], "chain": own.get("chain")})
    for later in reversed(own.get("chain") or ()):
        yield from _ends(later)
