"""What a message's head says of its chord, for whoever cannot read its body.

A body carries what follows it: its chord, and the rest of its chain, whose end may be the member of one. When nobody
can decode it, the task fails, and its chord has to hear of it. So the head of such a message has one key more,
``umbel_chord``: the same in JSON, as far as a failure needs it. No arguments are in it, and no callbacks of success.

    {"chord": signature or null, "chain": [last step of the chain, when it belongs to a chord] or null}

Celery's workers take it for a header of the user's, which they do not look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..exceptions import EncodeError
from ..serialization import encode_json
from .kinds import SINGLE, is_a

CONTINUE: Final = "umbel.continue"
"""Task that goes on with the next segment of a long chain (`segments`); it has such a form of the last step with it."""

MOST: Final = 16_384
"""Bytes of such a note; a longer one (a body that is a chain of a hundred steps) is left out."""


def note(chord: Any, chain: Any) -> bytes:
    """What the head of a message says of its chord, JSON; nothing when it has none, or when it is too much.

    Args:
        chord: the field of its body.
        chain: the same, last step first.

    Example:
        >>> note({"task": "total", "args": [7], "options": {"task_id": "b"}, "chord_size": 2}, None)
        b'{"chord":{"task":"total","args":null,"options":{"task_id":"b"},"chord_size":2,"kwargs":{}},"chain":null}'
        >>> note(None, [{"task": "add", "options": {}}])
        b''
    """
    end = _end(chain[0]) if chain else None
    last = end if end is not None and _has_chord(end) else None
    if last is not None or not is_a(chord, SINGLE):
        return _written(chord, last) if chord or last is not None else b""
    if chord.said is None:
        chord.said = _written(chord, None)
    said: bytes = chord.said
    return said


def _written(chord: Any, last: Any) -> bytes:
    bare = {"chord": _bare(chord) if chord else None, "chain": [_bare(last)] if last is not None else None}
    try:
        written = encode_json(bare)
    except EncodeError:  # an option that only another serializer carries
        return b""
    return written if len(written) <= MOST else b""


def stripped(form: Mapping[str, Any]) -> dict[str, Any] | None:
    """A signature without arguments, for whoever has to tell those who wait for it that it will never run.

    None when even that is too much to be carried.

    Example:
        >>> stripped({"task": "add", "args": [2, 2], "options": {"task_id": "a", "link": [{}]}})
        {'task': 'add', 'args': None, 'options': {'task_id': 'a'}, 'kwargs': {}}
    """
    bare = _bare(form)
    return bare if len(encode_json(bare)) <= MOST else None


def _end(step: Any) -> Any:
    """The last step of a chain, also of one whose rest is stored."""
    return (step.get("kwargs") or {}).get("end") or step if step.get("task") == CONTINUE else step


def is_bare(form: Mapping[str, Any]) -> bool:
    """Whether a signature comes from such a note: there is no running it."""
    return form.get("args", ()) is None


def _has_chord(form: Mapping[str, Any]) -> bool:
    """Whether the end of a step belongs to a chord."""
    kwargs = form.get("kwargs") or {}
    if form.get("subtask_type") == "chord":
        return bool(kwargs.get("body")) and _has_chord(kwargs["body"])
    if form.get("subtask_type") in ("group", "chain"):
        return any(map(_has_chord, kwargs.get("tasks") or ()))
    return bool((form.get("options") or {}).get("chord"))


def _bare(form: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in (form.get("options") or {}).items() if name != "link"}
    if options.get("chord"):
        options["chord"] = _bare(options["chord"])
    return {**form, "args": None, "options": options, "kwargs": _parts(form.get("subtask_type"), form.get("kwargs"))}


def _parts(kind: str | None, kwargs: Any) -> dict[str, Any]:
    """What a workflow is made of, its arguments left out."""
    if kind in ("chain", "group"):
        return {"tasks": [_bare(task) for task in kwargs.get("tasks") or ()]}
    if kind == "chord":
        return {"header": [], "body": _bare(kwargs["body"]) if kwargs.get("body") else None, "kwargs": {}}
    return {"task": _bare(kwargs["task"]), "it": [], "n": 1} if kind in ("xmap", "xstarmap", "chunks") else {}
