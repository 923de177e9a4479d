"""Workflows drawn at random, run by a real worker loop, and compared with what they say by themselves."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.canvases import FAILED, Expected, Maker, flat, told, written
from tests.support import scale
from umbel import Umbel
from umbel.testing.worker import InProcessWorker


class World:
    """An app in which all parts of a workflow are one task; `runs` counts them as `Expected` does."""

    def __init__(self, app: Umbel, worker: InProcessWorker) -> None:
        self.worker = worker
        self.runs: Counter[str] = Counter()
        self.ids: dict[str, set[str]] = defaultdict(set)

        @app.task(name="t.step", bind=True, max_retries=None)
        def step(task, *args, node, how="plain", extra=None):
            self.runs[f"{node}.{task.request.retries}"] += 1
            self.ids[task.request.id].add(node)
            if how == "retry" and not task.request.retries:
                raise task.retry(countdown=0)
            if how in ("fail", "alarmed"):
                raise LookupError(node)
            if how == "swap":
                return task.replace(written(step, alarm, extra))
            for spec in extra if how == "more" else ():
                task.add_to_chord(written(step, alarm, spec))
            return told(node, args)

        @app.task(name="t.alarm", bind=True)
        def alarm(task, failed, node):
            self.runs[f"{node}.0"] += 1

        self.step, self.alarm = step, alarm

    def judge(self, spec: Any) -> None:
        """Run a workflow and compare."""
        self.runs.clear()
        self.ids.clear()
        expected = Expected()
        value = expected.evaluate(spec)
        result = written(self.step, self.alarm, spec).apply_async()
        self.worker.drain()
        assert self.runs == expected.runs, spec
        assert [names for names in self.ids.values() if len(names - expected.replaced) > 1] == []
        assert came(result) == set(flat(value)), spec


def came(result: Any) -> set[str]:
    if hasattr(result, "results"):
        return {value for one in result.results for value in came(one)}
    assert result.ready(), "stuck"
    return set(flat(result.result)) if result.successful() else {FAILED}


@pytest.fixture(params=["", "results"], ids=["one store", "two stores"])
def world(request: pytest.FixtureRequest, tmp_path) -> Iterator[World]:
    messages = f"memory://random-{tmp_path.name}"
    app = Umbel("random", broker=messages, backend=messages + request.param)
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)


def task(name: str, how: str = "plain", extra: Any = None) -> Any:
    return ["task", name, how, extra]


PAIR = [task("p"), task("q")]
LOST = [task("p"), task("q", "fail")]
AGAIN = task("again", "swap", ["chain", [task("x"), task("y", "swap", ["chain", [task("z"), task("last")]])]])
OTHERS = [task("r"), task("s")]


@pytest.mark.parametrize(
    "spec",
    [
        ["chord", [task("a", "swap", ["chord", PAIR, ["chain", OTHERS]]), task("b")], task("c")],
        ["chord", [task("a", "swap", ["chord", LOST, ["chain", OTHERS]]), task("b")], task("c", "alarmed")],
        ["chord", [task("a", "swap", ["chord", LOST, ["chord", OTHERS, task("d")]]), task("b")], task("c", "alarmed")],
        ["chord", [task("a", "swap", ["chord", PAIR, ["chain", [task("b"), AGAIN]]])], task("e")],
        ["chain", [["chord", LOST, ["chord", OTHERS, task("d")]], ["chord", [task("a"), task("b")], task("c")]]],
        ["chain", [["chord", LOST, ["chord", OTHERS, task("d")]], ["group", [task("a"), task("b")]]]],
        ["chain", [["chord", PAIR, ["group", OTHERS]], ["chord", [task("a"), task("b")], task("c")], task("d")]],
        ["chain", [["chord", PAIR, ["chord", [task("e")], ["group", OTHERS]]], ["chord", [task("a")], task("c")]]],
    ],
    ids=[
        "replaced by a chord with a chain as its body", "the same, whose member fails", "whose body is a chord",
        "replaced once more", "a chord behind a failed one", "a group behind a failed one",
        "a chord behind the group of a body",
        "a chord behind the group of a body's body",
    ],
)  # fmt: skip
def test_each_part_runs_once_and_nothing_is_stuck(world: World, spec: Any) -> None:
    world.judge(spec)


@pytest.mark.parametrize("seed", range(scale.count(full=50, small=2)))
def test_workflows_are_what_they_say(world: World, seed: int) -> None:
    maker = Maker(random.Random(seed))
    for _ in range(8):
        world.judge(maker.canvas(3))
