"""Where the callbacks go that a chord is called with: to its body, to each task of it when that is a group."""

from __future__ import annotations

from typing import Any

from .base import maybe_signature
from .kinds import is_a, several


def add_callbacks(body: Any, options: dict[str, Any]) -> Any:
    """Take ``link`` and ``link_error`` out of a chord's options; the body with them, a copy when there are any."""
    callbacks, errbacks = several(options.pop("link", None)), several(options.pop("link_error", None))
    if callbacks or errbacks:
        body = _deep_copy(body)
    for callback in callbacks:
        copy = _deep_copy(callback)
        if is_a(body, "group") and not body.tasks:
            body.append_to_list_option("link", copy)
        else:
            body.link(copy)
    for errback in errbacks:
        if is_a(body, "group"):
            _to_members(body, maybe_signature(errback), runs_alone=True)
        else:
            body.append_to_list_option("link_error", errback)
    return body


def _deep_copy(task: Any) -> Any:
    """A copy whose members and body are copies too: linking changes them."""
    copy = maybe_signature(task, clone=True)
    if is_a(copy, "group"):
        copy.tasks = [_deep_copy(one) for one in copy.tasks]
    elif is_a(copy, "chord"):
        copy.body = _deep_copy(copy.body)
    return copy


def _to_members(task: Any, errback: Any, *, runs_alone: bool) -> None:
    """To each task of a group; a group that is called as one and has errbacks of its own gets it beside them."""
    if is_a(task, "group"):
        if runs_alone and task.options.get("link_error") is not None:
            task.append_to_list_option("link_error", errback.clone())
            return
        for one in task.tasks:
            _to_members(one, errback, runs_alone=False)
    elif is_a(task, "chord"):
        _to_members(task.body, errback, runs_alone=True)
    else:
        task.link_error(errback.clone())
