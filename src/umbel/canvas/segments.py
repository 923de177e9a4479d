"""Long chains: how much of it a message carries, and where the rest is.

Each message of a chain carries what follows it. Up to `MOST` bytes of that it is Celery's form and nothing else. Of a
longer chain the message carries the first segment; the others are stored with the results, each as one document, and
the last link of a segment is a task of umbel's own, which goes on with the next one:

    a, b, c, umbel.continue(tail, 1)        the message
             d, e, f, umbel.continue(tail, 2)        document 1
                      g, h                                    document 2

A Celery worker that comes to this link sends it like any other, to the queue that the link names. It has the id of the
last task with it, so that this one can be told to have failed when a document is gone (``result_chord_expires``, else
``result_expires``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from .. import clock
from ..exceptions import EncodeError
from ..ids import derived_id
from ..sender import App
from ..serialization import decode_json, encode_json
from ..states import SUCCESS
from ..withdraw import join_expires, state_record
from .bare import CONTINUE, stripped
from .base import maybe_signature
from .kinds import SINGLE, is_a, make, several
from .naming import fresh_id

MOST: Final = 65_536
"""Bytes, as JSON, of what a message of a chain carries of the steps behind it."""

_LINK: Final = 2_048
"""Bytes of it that are left for the link at the end of a segment."""


def shortened(app: App, steps: list[Any], root_id: str | None) -> list[Any]:
    """What the first message of a chain carries of it; the rest is stored when this returns.

    Args:
        app: whose results keep it.
        steps: what follows the first step, frozen, the last one first.
        root_id: id of the workflow.

    Raises:
        OperationalError: the results cannot be reached.
    """
    if not steps or not app.keeps_results:
        return steps
    try:
        sizes = [len(encode_json(step)) + 1 for step in steps]
    except EncodeError:  # something that only another serializer carries, so how much it is cannot be told
        return steps
    if sum(sizes) <= MOST:
        return steps
    parts = list(_parts(steps, sizes))
    tail, last = fresh_id(), steps[0]
    end = last["kwargs"]["end"] if last["task"] == CONTINUE else stripped(last)
    links = [
        _link(app, maybe_signature(part[-1], app=app), tail, number, end) for number, part in enumerate(parts) if number
    ]
    for link in links:
        link.freeze(root_id=root_id)
    parts = [[link, *part] for part, link in zip(parts, links, strict=False)] + parts[-1:]
    _store(app, tail, parts[1:])
    return parts[0]


def _parts(steps: list[Any], sizes: list[int]) -> Iterator[list[Any]]:
    """The segments in their order, each with its last step first."""
    room = MOST - _LINK
    part: list[Any] = []
    used = 0
    for step, size in zip(reversed(steps), reversed(sizes), strict=True):
        if used + size > room and part:
            yield part[::-1]
            part, used = [], 0
        part.append(step)
        used += size
    yield part[::-1]


def _link(app: App, following: Any, tail: str, number: int, end: Any) -> Any:
    found = {"queue": _queue(app, following), "link_error": [*_errbacks(following)]}
    named = {"tail": tail, "part": number, "end": end}
    return make(SINGLE, CONTINUE, (), named, options={name: value for name, value in found.items() if value}, app=app)


def _queue(app: App, following: Any) -> str:
    """Where the link goes: `task_routes` says it, else it is the queue of the step that it goes on with."""
    routed = app.template(CONTINUE, app.tasks[CONTINUE], {}, ((), {})).queue
    if routed != app.conf.task_default_queue:
        return routed
    step = _first(following)
    named = {name: step.options[name] for name in ("queue", "exchange", "routing_key") if step.options.get(name)}
    return app.template(step["task"], app.tasks.get(step["task"]), named, (step.args, step.kwargs)).queue


def _first(step: Any) -> Any:
    """The first single task of a step."""
    while step.subtask_type in ("chain", "group", "chord"):
        inner = maybe_signature(step.tasks)
        inner = [*getattr(inner, "tasks", inner)]
        if not inner:
            break
        step = maybe_signature(inner[0])
    return step


def _errbacks(step: Any) -> Any:
    """What is told when a step cannot be run."""
    return several((step.body if is_a(step, "chord") and step.body else step).options.get("link_error"))


def _store(app: App, tail: str, parts: Sequence[list[Any]]) -> None:
    backend, expires = app.backend(), join_expires(app.conf, clock.wall())
    records = [
        state_record(derived_id(tail, number), SUCCESS, part, expires=0.0) for number, part in enumerate(parts, 1)
    ]
    if backend is not None:
        backend.store([msgspec.structs.replace(record, expires=expires) for record in records])


def stored(app: App, tail: str, part: int) -> list[Any] | None:
    """What a stored document carries, last step first; None when it is gone.

    Raises:
        OperationalError: the results cannot be reached.
    """
    backend, task_id = app.backend(), derived_id(tail, part)
    record = backend.fetch([task_id]).get(task_id) if backend is not None else None
    if record is None:
        return None
    found: list[Any] = decode_json(record.document)["result"]
    return found


def forget(app: App, tail: str, part: int) -> None:
    """Remove a document that is behind the chain."""
    backend = app.backend()
    if backend is not None:
        backend.forget([derived_id(tail, part)])
