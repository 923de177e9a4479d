"""The tail of a task: what would have followed it in its workflow, and never will when it fails.

A step that waits for a task that failed has failed with it: its result is stored as well, so that nobody waits for it.

    chain  a | b | c        a fails: b and c get a's failure
    group at its end        each member gets it
    chord among the steps   its body gets it; the header has never been sent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..context import Context
from ..message import Headers

_NOWHERE: Final[Mapping[str, Any]] = {}


def tail_of(request: Context) -> Iterator[Context]:
    """A request for each task that would have followed in this one's chain, next one first."""
    for form in reversed(request.chain or ()):
        yield from _ends(form)


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
