"""The answer to a probe, from the heartbeat file alone. It imports neither click nor an app nor a store: supervisors
and containers ask every few seconds, on machines that have better things to do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from .. import clock
from .. import health as beats
from ..places import heartbeat_file, node_name
from .words import age

_WITH_VALUE: Final = {"-A": "app", "--app": "app", "-n": "hostname", "--hostname": "hostname", "--file": "path"}
_FLAGS: Final = {
    "--live": {"what": "live"},
    "--ready": {"what": "ready"},
    "-j": {"json": "yes"},
    "--json": {"json": "yes"},
}
_VARIABLES: Final = ("UMBEL_HEALTH_", "CELERY_HEALTH_")


class Question(NamedTuple):
    """What is asked.

    Attributes:
        what: "live" or "ready".
        hostname: node name; None for the default one.
        path: heartbeat file; None: found by the node name.
        as_json: print JSON.
    """

    what: str = "live"
    hostname: str | None = None
    path: str | None = None
    as_json: bool = False


def understood(argv: Sequence[str]) -> Question | None:
    """The question of a command line that is a plain probe; None for all others, which click reads.

    Example:
        >>> understood(["health", "--ready", "-n", "w1@example"])
        Question(what='ready', hostname='w1@example', path=None, as_json=False)
        >>> understood(["health", "--help"])
    """
    if "health" not in argv or any(name.startswith(_VARIABLES) for name in os.environ):
        return None
    found: dict[str, str] = {}
    words, verb = iter(argv), False
    for word in words:
        option, equals, value = word.partition("=")
        if not verb and word in ("health", "-q", "--quiet"):
            verb = word == "health"
        elif verb and word in _FLAGS:
            found |= _FLAGS[word]
        elif option in _WITH_VALUE and (verb or _WITH_VALUE[option] == "app") and (not equals or option[:2] == "--"):
            given = value if equals else next(words, None)
            if given is None:
                return None
            found[_WITH_VALUE[option]] = given
        else:
            return None
    if not verb:
        return None
    return Question(found.get("what", "live"), found.get("hostname"), found.get("path"), "json" in found)


def answer(question: Question) -> int:
    """Print the answer; returns the exit code."""
    what = question.what
    where = question.path or str(heartbeat_file(node_name(question.hostname)))
    beat = beats.read(where)
    now = clock.monotonic()
    fine = beat is not None and (beat.live(now) if what == "live" else beat.serving(now))
    if question.as_json:
        facts = {"file": where, what: fine, "beat": None if beat is None else beat._asdict()}
        print(json.dumps(facts, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))
    elif beat is None:
        print(f"not {what}: nobody writes {where}")
    else:
        part = {None: "", True: ", it leads the schedulers", False: ", it waits for the leader's end"}[beat.leads]
        head = f"{'' if fine else 'not '}{what}: {beat.node}, pid {beat.pid}"
        print(f"{head}, last beat {age(now - beat.beat)} ago{part}")
    return 0 if fine else 1
