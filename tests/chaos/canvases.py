"""Workflows at random: what they are, how they are written with umbel, and what must come of them.

A workflow is plain lists, so it travels in a message as it is. Each task has a name that no other one has:

    ["task", name, how, extra]     how it ends, see `tests.chaos.workflows`; extra is what that needs
    ["chain", [steps]]
    ["group", [members]]
    ["chord", [members], body]

`evaluate` says by itself, without umbel, which tasks must run, how often, and with which results.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from umbel import chain, chord, group

Spec = list[Any]

FAILED = "failed"
"""What stands for the result of a task that has none."""


@dataclass
class Maker:
    """Draws workflows.

    Args:
        rng: where its choices come from.
        joins: whether there may be chords.
        members: most members of a group or chord.
    """

    rng: random.Random
    joins: bool = True
    members: int = 4
    _numbers: Any = field(default_factory=count)

    def canvas(self, depth: int, *, single: bool = False) -> Spec:
        """A workflow of at most so many levels; a single one ends with one task."""
        kinds = ["chain", "chain"] + ["chord"] * 3 * self.joins + ["group"] * (not single)
        if depth < 1:
            return self.task()
        match self.rng.choice(kinds):
            case "chain":
                return self._chain(depth, single=single)
            case "group":
                return ["group", [self._below(depth, single=not self.joins) for _ in range(self.rng.randint(2, 3))]]
            case _:
                members = [self._member(depth) for _ in range(self.rng.randint(2, self.members))]
                return ["chord", members, self._below(depth, single=single)]

    def task(self, *, member: bool = False) -> Spec:
        """One task; the member of a chord may add members to it."""
        name = f"n{next(self._numbers)}"
        hows = ["plain"] * 12 + ["retry", "fail", "alarmed", "swap"] + ["more"] * 3 * member
        match self.rng.choice(hows):
            case "swap":
                return ["task", name, "swap", self.canvas(self.rng.randint(0, 2), single=not self.joins)]
            case "more":
                return ["task", name, "more", [self.task() for _ in range(self.rng.randint(1, 2))]]
            case how:
                return ["task", name, how, None]

    def _below(self, depth: int, *, single: bool = False) -> Spec:
        return self.canvas(self.rng.randint(0, depth - 1), single=single)

    def _member(self, depth: int) -> Spec:
        return self.task(member=True) if self.rng.random() < 0.5 else self._below(depth)

    def _chain(self, depth: int, *, single: bool) -> Spec:
        number = self.rng.randint(2, 4)
        steps = [self._below(depth, single=not self.joins) for _ in range(number - 1)]
        return ["chain", [*steps, self._below(depth, single=single)]]


def written(step: Any, alarm: Any, spec: Spec) -> Any:
    """A workflow as umbel has it.

    Args:
        step: the task that all of it runs.
        alarm: the errback.
        spec: the workflow.
    """
    match spec:
        case ["task", name, how, extra]:
            signature = step.s(node=name, how=how, extra=extra)
            if how == "alarmed":
                signature.link_error(alarm.s(node=f"{name}!"))
            return signature
        case ["chain", steps]:
            return chain([written(step, alarm, one) for one in steps])
        case ["group", members]:
            return group([written(step, alarm, one) for one in members])
        case _:
            return chord([written(step, alarm, one) for one in spec[1]], written(step, alarm, spec[2]))


def told(name: str, args: Sequence[Any]) -> str:
    """What a task returns: it depends on its name and on all that came before it, lists in any order."""
    return hashlib.sha256(json.dumps([name, [sorted(flat(one)) for one in args]]).encode()).hexdigest()[:8]


def flat(value: Any) -> list[str]:
    """The values of a list of lists."""
    return [inner for one in value for inner in flat(one)] if isinstance(value, list) else [value]


@dataclass
class Expected:
    """What must come of workflows.

    Attributes:
        runs: names of all runs that there must be: a task's name, a dot, the number of its attempt.
        replaced: names of the tasks that put others in their places, which have their ids.
    """

    runs: Counter[str] = field(default_factory=Counter)
    replaced: set[str] = field(default_factory=set)

    def evaluate(self, spec: Spec, args: tuple[Any, ...] = ()) -> Any:
        """The result of a workflow: `FAILED`, what a task told, or a list where it ends in a group."""
        match spec:
            case ["task", name, how, extra]:
                return self._task(name, how, extra, args)
            case ["chain", steps]:
                return self._chain(steps, args)
            case ["group", members]:
                return [self.evaluate(one, args) for one in members]
            case _:
                return self._after([self._member(one, args) for one in spec[1]], spec[2])

    def _task(self, name: str, how: str, extra: Any, args: tuple[Any, ...]) -> Any:
        self.runs[f"{name}.0"] += 1
        if how in ("fail", "alarmed"):
            self._alarm(name, how)
            return FAILED
        if how == "swap":
            self.replaced.add(name)
            return one_result(self.evaluate(extra))
        if how == "retry":
            self.runs[f"{name}.1"] += 1
        return told(name, args)

    def _chain(self, steps: list[Spec], args: tuple[Any, ...]) -> Any:
        value = self.evaluate(steps[0], args)
        for step in steps[1:]:
            if value == FAILED:
                return FAILED
            value = self._after(value, step) if isinstance(value, list) else self.evaluate(step, (value,))
        return value

    def _member(self, spec: Spec, args: tuple[Any, ...]) -> Any:
        value = self.evaluate(spec, args)
        if spec[0] == "task" and spec[2] == "more":
            return [value, *(self.evaluate(one) for one in spec[3])]
        return value

    def _after(self, values: list[Any], body: Spec) -> Any:
        """What follows a group: its body gets all values, or fails when one of them did."""
        if FAILED in flat(values):
            self._doomed(body)
            return FAILED
        return self.evaluate(body, (values,))

    def _doomed(self, body: Spec) -> None:
        """A body that never runs still has its errbacks."""
        if body[0] == "chain":
            self._doomed(body[1][0])
        elif body[0] == "task":
            self._alarm(body[1], body[2])

    def _alarm(self, name: str, how: str) -> None:
        if how == "alarmed":
            self.runs[f"{name}!.0"] += 1


def one_result(value: Any) -> Any:
    """What ends once has failed when a part of it has."""
    return FAILED if FAILED in flat(value) else value
