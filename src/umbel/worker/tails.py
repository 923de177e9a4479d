"""The tail of a task: what would have followed it in its workflow, and never will when it fails.

A step that waits for a task that failed has failed with it: its result is stored as well, so that nobody waits for it.

    chain  a | b | c        a fails: b and c get a's failure
    group at its end        each member gets it
    chord among the steps   its body gets it; the header has never been sent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..context import Context
from ..message import Headers


def tail_of(request: Context) -> Iterator[Context]:
    """A request for each task that would have followed in this one's chain, next one first."""
    for form in reversed(request.chain or ()):
        yield from _ends(form)


def _ends(form: Mapping[str, Any]) -> Iterator[Context]:
    """The tasks whose results are those of a step."""
    kind, kwargs = form.get("subtask_type"), form.get("kwargs") or {}
    if kind == "chord":
        if kwargs.get("body"):
            yield from _ends(kwargs["body"])
    elif kind == "group":
        for member in kwargs.get("tasks") or ():
            yield from _ends(member)
    elif kind == "chain":
        for step in kwargs.get("tasks") or ():
            yield from _ends(step)
    else:
        options = form.get("options") or {}
        if options.get("task_id"):
            headers = Headers(form.get("task") or "", options["task_id"], group=options.get("group_id"))
            embed = {"chord": options.get("chord"), "chain": options.get("chain")}
            yield Context(headers, None, (), {}, embed)
            for later in reversed(options.get("chain") or ()):
                yield from _ends(later)
