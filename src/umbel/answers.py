"""What workers answer to a request of remote control: waiting for it, and putting it together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from . import broker, clock
from .exceptions import DuplicateNodenameWarning

Callback: TypeAlias = Callable[[dict[str, Any]], Any] | None


def gathered(
    link: broker.Control, ticket: str, timeout: float, expected: int | None, callback: Callback,
    names: Sequence[str] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Answers until there are as many as expected and these nodes are among them: Celery's workers answer too."""
    deadline, missing = clock.monotonic() + timeout, set(names)
    answers: list[dict[str, Any]] = []
    while (expected is None or len(answers) < expected or missing) and (left := deadline - clock.monotonic()) > 0:
        for answer in link.replies(ticket, left):
            answers.append(msgspec.json.decode(answer))
            missing -= answers[-1].keys()
            if callback is not None:
                callback(answers[-1])
    return answers


def flatten_reply(reply: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Answers as `Control.broadcast` returns them, as one dictionary; of two from one node the last.

    Example:
        >>> flatten_reply([{"w1@a": 1}, {"w2@a": 2}])
        {'w1@a': 1, 'w2@a': 2}
    """
    nodes = [node for one in reply for node in one]
    twice = sorted({node for node in nodes if nodes.count(node) > 1})
    if twice:
        warnings.warn(
            f"More than one worker answers as {', '.join(twice)}: give each a name of its own (umbel worker -n NAME).",
            DuplicateNodenameWarning,
            stacklevel=2,
        )
    return {node: answer for one in reply for node, answer in one.items()}
