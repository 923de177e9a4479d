"""What ``a | b`` is. Pure: takes signatures, gives a signature, in all pairs as Celery has it.

    left \\ right     task              chain                group               chord
    ------------     ---------------   ------------------   -----------------   -------------------------
    task             chain             chain, flattened     chain               chain
    chain            chain (1)         chain, step by step  chain (2)           chain (1)
    group            chord with it     chord with it        chord with it (3)   chord with it
    chord            body | task       chain                chain (4)           body | chord

    (1) behind a group: the group becomes a chord with it; behind a chord: a task goes to the chord's body
    (2) behind a chord: to the chord's body; an empty chain gives the group
    (3) an empty group: the group on the left
    (4) a group of one: to the chord's body

A group of one task counts as that task when it stands on the right, and an empty one as nothing (not behind a single
task, where Celery keeps it).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from .kinds import SINGLE, is_a, is_empty_group, make, unrolled


def joined(left: Any, right: Any) -> Any:
    """``left | right``; NotImplemented when ``right`` is no signature."""
    if not is_a(right, SINGLE):
        return NotImplemented
    if is_a(left, "chain"):
        return _after_chain(left, right)
    if is_a(left, "group"):
        return left if is_empty_group(right) else make("chord", left, body=right, app=left.own_app)
    if is_a(left, "chord") and not is_a(right, "chain"):
        return _after_chord(left, right)
    return _after_task(left, right)


def _after_task(left: Any, right: Any) -> Any:
    if is_a(right, "chain"):
        return make("chain", (left, *right.unchain_tasks()), app=left.own_app)
    if is_a(right, "group"):
        return make("chain", left, unrolled(right), app=left.own_app)
    return make("chain", left, right, app=left.own_app)


def _after_chord(left: Any, right: Any) -> Any:
    if is_a(right, "group"):
        if len(right.tasks) != 1:
            return _after_task(left, right)
        right = unrolled(right)
    copy = left.clone()
    copy.body |= right
    return copy


def _after_chain(left: Any, right: Any) -> Any:
    if is_empty_group(right):
        return left
    if is_a(right, "group"):
        single = unrolled(right)
        return _group_after_chain(left, single) if is_a(single, "group") else _after_chain(left, single)
    if is_a(right, "chain"):
        return reduce(or_, right.unchain_tasks(), left)
    last = left.tasks[-1] if left.tasks else None
    if is_a(last, "group"):
        return _upgraded(left, right)
    if is_a(last, "chord") and not is_a(right, "chord"):
        copy = left.clone()
        copy.tasks[-1].body |= right
        return copy
    return type(left)([*left.unchain_tasks(), right], app=left.own_app)


def _group_after_chain(left: Any, right: Any) -> Any:
    tasks = left.unchain_tasks()
    if not tasks:
        return right
    if is_a(tasks[-1], "chord"):
        tasks[-1].body |= right
        return type(left)(tasks, app=left.own_app)
    return type(left)([*tasks, right], app=left.own_app)


def _upgraded(left: Any, right: Any) -> Any:
    """The group at the end becomes a chord with this body; behind another chord it goes into that one's body."""
    copy = left.clone()
    copy.tasks[-1] = make("chord", copy.tasks[-1], right, app=left.own_app)
    if len(copy.tasks) > 1 and is_a(copy.tasks[-2], "chord"):
        copy.tasks[-2].body |= copy.tasks[-1]
        copy.tasks = copy.tasks[:-1]
    return copy


def folded(tasks: Sequence[Any]) -> Any:
    """``t1 | t2 | t3 | ...`` from an empty chain on, in one pass: the operator would copy all steps with each one.

    The last task is used as it is, the others are copied, as the operator does it.
    """
    steps: list[Any] = []
    for position, task in enumerate(tasks):
        whole = _extend(steps, task, keep=position == len(tasks) - 1)
        if whole is not None:
            return reduce(or_, tasks[position + 1 :], whole)
    return make("chain", [step.clone() for step in steps[:-1]] + steps[-1:])


def _extend(steps: list[Any], task: Any, *, keep: bool) -> Any:
    """Add a task to the steps of a chain; what it is instead, when it is no chain any more."""
    if not is_a(task, SINGLE):
        raise TypeError(f"A chain is made of signatures, not of {task!r}.")
    if is_empty_group(task):
        return None
    if is_a(task, "group"):
        task = unrolled(task)
        if is_a(task, "group"):
            return _extend_by_group(steps, task, keep=keep)
        return _extend(steps, task, keep=keep)
    if is_a(task, "chain"):
        inner = task.unchain_tasks()
        for position, step in enumerate(inner):
            whole = _extend(steps, step, keep=keep and position == len(inner) - 1)
            if whole is not None:
                return reduce(or_, inner[position + 1 :], whole)
        return None
    last = steps[-1] if steps else None
    if is_a(last, "group"):
        steps[-1] = make("chord", last, task if keep else task.clone())
    elif is_a(last, "chord") and not is_a(task, "chord"):
        steps[-1].body |= task
    else:
        steps.append(task if keep else task.clone())
    return None


def _extend_by_group(steps: list[Any], group: Any, *, keep: bool) -> Any:
    if not steps:
        return group
    if is_a(steps[-1], "chord"):
        steps[-1].body |= group
    else:
        steps.append(group if keep else group.clone())
    return None
