"""The policy of an entry: what becomes of ticks that were missed, that are late, or whose task still runs.

What is not said is as in Celery: one run makes up for all that were missed, runs overlap, nothing is too late.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal, get_args

import msgspec

CatchUp = Literal["skip", "last", "all"]
Overlap = Literal["allow", "skip", "queue", "cancel"]


class Policy(msgspec.Struct, frozen=True):
    """What an entry says beside its schedule.

    Attributes:
        catch_up: of ticks that were missed while no scheduler ran: none is sent ("skip"), the last one ("last"), all.
        catch_up_most: how many "all" sends, the newest; 100 unless said.
        overlap: while the task of the tick before waits or runs: send ("allow"), leave the tick out ("skip"), wait for
            its end ("queue", only the newest tick waits), or revoke it and send ("cancel").
        max_lateness: seconds after its time from which a tick is not sent any more.
        expires: seconds after its time from which its task does not begin any more.
    """

    catch_up: CatchUp = "last"
    catch_up_most: int = 100
    overlap: Overlap = "allow"
    max_lateness: float | None = None
    expires: float | None = None


NAMES: Final = frozenset(Policy.__struct_fields__)
"""What an entry may say."""

CELERYS: Final = Policy()
"""Of an entry that says nothing."""


def read_policy(given: Mapping[str, Any]) -> Policy:
    """The policy that an entry names; other keys are left aside.

    Raises:
        ValueError: a word that is none of those, a number that is none or below zero.

    Example:
        >>> read_policy({"task": "t", "overlap": "skip"}).overlap
        'skip'
    """
    found = {name: given[name] for name in NAMES if given.get(name) is not None}
    if not found:
        return CELERYS
    for name, words in (("catch_up", get_args(CatchUp)), ("overlap", get_args(Overlap))):
        if name in found and found[name] not in words:
            raise ValueError(f'its "{name}" is {found[name]!r}; write one of {", ".join(words)}.')
    most = found.get("catch_up_most", 1)
    if not isinstance(most, int) or most is True or most < 1:
        raise ValueError(f'its "catch_up_most" is {most!r}; write a number from 1.')
    for name in ("max_lateness", "expires"):
        if name in found:
            found[name] = _seconds(name, found[name])
    return Policy(**found)


def _seconds(name: str, value: Any) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds is True or not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError(f'its "{name}" is {value!r}; write seconds, more than 0.')
    return float(seconds)
