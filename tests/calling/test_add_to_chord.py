"""`Task.add_to_chord`: a running member brings another one into its chord, in the step that ends it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.until import until
from umbel import Umbel, chord, group
from umbel.exceptions import ChordError
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()


class World:
    """An app with its tasks and a worker; `ran` names what ran, in order."""

    def __init__(self, app: Umbel, worker: InProcessWorker) -> None:
        self.app = app
        self.worker = worker
        self.ran: list[Any] = []

        @app.task(name="a.same")
        def same(*values):
            self.ran.append(values)
            return values[-1]

        @app.task(name="a.together")
        def together(*values):
            return list(values)

        @app.task(name="a.total")
        def total(values):
            self.ran.append("body")
            return sorted(values, key=str)

        @app.task(name="a.crawl", bind=True)
        def crawl(task, depth):
            for _ in range(depth):
                task.add_to_chord(crawl.s(depth - 1))
            return depth

        @app.task(name="a.adds", bind=True)
        def adds(task, name, then="return", lazy=False):
            forms = {
                "chain": same.s(1) | same.s(2), "group": group(same.s(3), same.s(4)),
                "ends in a group": same.s(5) | group(same.s(6), same.s(7)),
                "chord": chord([same.s(8), same.s(9)], total.s()),
                "chord with a group": chord([same.s(8), same.s(9)], group(total.s(), together.s())),
                "fails": boom.s(),
            }  # fmt: skip
            found = task.add_to_chord(forms.get(name, same.s(name)), lazy=lazy)
            if lazy:
                sent = found.delay()
                until(lambda: sent.ready() or lazy != "waits", "the member that it added to end first")
            if then == "retry" and not task.request.retries:
                raise task.retry(countdown=0, args=("again",), kwargs={})
            if then == "replace":
                return task.replace(same.s("replaced"))
            if then == "fail":
                raise ValueError("after all")
            return "adds"

        @app.task(name="a.boom")
        def boom():
            raise ValueError("no")

        self.same, self.total, self.crawl, self.adds, self.boom = same, total, crawl, adds, boom

    def run(self, *members: Any) -> Any:
        result = chord(members, self.total.s()).delay()
        self.worker.drain()
        with closing(self.app.broker.shelf()) as shelf:
            assert shelf.counts() == []
        return result


@pytest.fixture(params=["memory", "sqlite", "memory sqlite"])
def world(request: pytest.FixtureRequest, tmp_path) -> Iterator[World]:
    urls = {"memory": f"memory://adds-{next(_numbers)}", "sqlite": f"sqlite:///{tmp_path}/adds.db"}
    messages, *results = [urls[each] for each in request.param.split()]
    app = Umbel("adds", broker=messages, backend=(results or [messages])[0])
    with app, InProcessWorker(app, concurrency=2) as worker:
        yield World(app, worker)


ADDED = {
    "plain": "plain", "chain": 2, "group": [3, 4], "ends in a group": [6, 7], "chord": [8, 9],
    "chord with a group": [[8, 9], [[8, 9]]],
}  # fmt: skip


@pytest.mark.parametrize("kind", ADDED)
def test_the_body_waits_for_what_was_added(world: World, kind: str):
    result = world.run(world.adds.s(kind), world.same.s(0))
    assert result.get(timeout=5) == sorted(["adds", 0, ADDED[kind]], key=str)


def test_members_that_were_added_add_members(world: World):
    result = world.run(world.crawl.s(3), world.crawl.s(1))
    assert result.get(timeout=5) == [0] * 7 + [1] * 7 + [2] * 3 + [3]
    assert world.ran == ["body"]


def test_what_an_attempt_added_outlasts_its_retry(world: World):
    result = world.run(world.adds.s("first", then="retry"), world.same.s(0))
    assert result.get(timeout=5) == sorted([0, "adds", "again", "first"], key=str)


def test_what_a_task_added_outlasts_its_replacement(world: World):
    assert world.run(world.adds.s("first", then="replace")).get(timeout=5) == ["first", "replaced"]


@pytest.mark.parametrize(("name", "then"), [("first", "fail"), ("fails", "return")])
def test_a_failure_on_either_side_fails_the_body_when_all_have_ended(world: World, name: str, then: str):
    result = world.run(world.adds.s(name, then=then), world.same.s(0))
    assert (result.state, type(result.result)) == ("FAILURE", ChordError)
    assert world.ran == [(0,)] + [("first",)] * (name == "first")


@pytest.mark.parametrize("lazy", ["waits", "goes on"])
def test_a_lazy_one_counts_whoever_ends_first(world: World, lazy: str):
    """It is sent at once, so it may have ended while the task that added it still runs."""
    result = world.run(world.adds.s("lazy", lazy=lazy))
    assert result.get(timeout=5) == ["adds", "lazy"]
    assert world.ran == [("lazy",), "body"]


def test_a_run_that_was_cut_short_has_added_nothing(world: World):
    """And when it is run again, it adds the same message, not another one."""
    header = [world.adds.s("again").set(task_id="adder")]
    result = chord(header, world.total.s()).delay()
    with closing(world.app.broker.shelf()) as shelf:
        copies = [item.parcel for item in shelf.items("ready")]
    world.app.publish(copies)
    world.worker.drain()
    assert result.get(timeout=5) == ["adds", "again"]
    assert world.ran.count("body") == 1


def test_refused_outside_of_a_chord(world: World):
    for form in (world.adds.s("x"), group(world.adds.s("x"), world.same.s(1))):
        result = form.delay()
        world.worker.drain()
        first = result[0] if isinstance(form, group) else result
        assert (first.state, type(first.result)) == ("FAILURE", ValueError)
        assert "not the member of a chord" in str(first.result)
    with pytest.raises(ValueError, match="not the member of a chord"):
        world.adds("x")
