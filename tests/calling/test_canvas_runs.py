"""Workflows run by a real worker loop, on memory and on SQLite."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from umbel import Umbel, allow_join_result, chain, group
from umbel.exceptions import TaskRevokedError
from umbel.result import GroupResult, result_from_tuple
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()


class World:
    """An app with its tasks and a worker."""

    def __init__(self, app: Umbel, worker: InProcessWorker) -> None:
        self.app = app
        self.worker = worker
        self.heard: list[Any] = []
        for name in ("add", "boom", "note", "replaced", "regrouped", "total"):
            function = getattr(self, f"_{name}")
            options = {"bind": name.startswith("re")}
            setattr(self, name, app.task(name=f"t.{name}", **options)(self._plain(function, bound=options["bind"])))

    def _plain(self, method: Any, *, bound: bool) -> Any:
        def function(x, y=0):
            return method(x, y)

        def single(x):
            return method(x)

        def bound_function(task, x, y=0):
            return method(task, x, y)

        return bound_function if bound else single if method.__name__ == "_note" else function

    def _add(self, x, y):
        return x + y

    def _total(self, numbers, y):
        return sum(numbers) + y

    def _boom(self, x, y):
        raise ValueError(x)

    def _note(self, x):
        self.heard.append(x)
        return x

    def _replaced(self, task, x, y):
        return task.replace(chain(self.add.s(x, 100), self.add.s(1000)))

    def _regrouped(self, task, x, y):
        return task.replace(group(self.add.s(x, n) for n in range(3)))

    def run(self, form: Any, *args: Any) -> Any:
        result = form.delay(*args)
        self.worker.drain()
        return result


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path) -> Iterator[World]:
    urls = {"memory": f"memory://canvas-runs-{next(_numbers)}", "sqlite": f"sqlite:///{tmp_path}/canvas.db"}
    app = Umbel("runs", broker=urls[request.param])
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)


def test_a_chain_passes_results_on(world: World):
    result = world.run(world.add.s(1) | world.add.s(3) | world.add.si(4, 5) | world.add.s(6), 1)
    assert (result.get(timeout=5), result.parent.get(), result.parent.parent.get()) == (15, 9, 5)
    assert result.parent.children == [result]
    assert result_from_tuple(result.as_tuple(), app=world.app).parent.parent.parent.get() == 2


def test_a_group_gives_results_in_order(world: World):
    result = world.run(group(world.add.s(n) for n in range(20)), 1)
    assert result.get(timeout=5) == [n + 1 for n in range(20)]
    assert result.join(propagate=False) == result.join_native()
    assert (result.successful(), result.failed(), result.ready(), result.completed_count()) == (True, False, True, 20)
    assert dict(result.iter_native(timeout=5)).keys() == {one.id for one in result}
    assert [doc["result"] for _id, doc in result.iter_native(timeout=5)] == result.get()


def test_a_group_is_found_again(world: World):
    result = world.run(group(world.add.s(1, 2), world.add.s(3, 4)))
    assert GroupResult.restore(result.id, app=world.app) is None
    result.save()
    again = GroupResult.restore(result.id, app=world.app)
    assert (again, again.get()) == (result, [3, 7])
    again.delete()
    assert GroupResult.restore(result.id, app=world.app) is None


def test_a_group_with_a_failure(world: World):
    result = world.run(group(world.add.s(1, 2), world.boom.s(3)))
    with pytest.raises(ValueError, match="3"):
        result.get(timeout=5)
    assert str(result.get(timeout=5, propagate=False)) == str([3, ValueError(3)])
    assert (result.failed(), result.successful(), result.waiting()) == (True, False, False)


def test_a_group_at_the_end_of_a_chain(world: World):
    result = world.run(world.add.s(1) | group(world.add.s(2), world.add.s(3) | world.add.s(10)), 1)
    assert (result.get(timeout=5), result.parent.get()) == ([4, 15], 2)


def test_map_starmap_and_chunks(world: World):
    assert world.run(world.total.map([[1, 2], [3, 4]])).get(timeout=5) == [3, 7]
    assert world.run(world.add.starmap([(1, 2), (3, 4)])).get(timeout=5) == [3, 7]
    assert world.run(world.add.chunks(zip(range(5), range(5), strict=True), 2)).get(timeout=5) == [[0, 2], [4, 6], [8]]


def test_callbacks_may_be_workflows(world: World):
    form = world.add.s(1)
    form.link(group(world.add.s(10), world.add.s(20)))
    form.link(world.add.s(30) | world.note.s())
    result = world.run(form, 1)
    assert result.get(timeout=5) == 2
    assert world.heard == [32]
    members, last = result.children
    assert (members.get(), last.get()) == ([12, 22], 32)


def test_what_follows_a_failure_has_failed(world: World):
    form = world.add.s(1) | world.boom.s() | world.add.s(5) | group(world.add.s(1), world.add.s(2))
    result = world.run(form.on_error(world.note.s()), 1)
    assert (result[0].state, result[1].state, result.parent.state) == ("FAILURE",) * 3
    assert result.parent.parent.parent.get(timeout=5) == 2
    with pytest.raises(ValueError, match="2"):
        result.parent.get(timeout=5)
    assert world.heard == [result.parent.parent.id]


def test_what_follows_a_revoked_task_is_revoked(world: World):
    form = world.add.s(1, 2).set(expires=-1) | world.add.s(5)
    with pytest.warns(UserWarning, match="expires"):
        result = world.run(form)
    with pytest.raises(TaskRevokedError):
        result.get(timeout=5)


def test_a_replacement_takes_the_place_of_its_task(world: World):
    form = world.add.s(0) | world.replaced.s() | world.add.s(5)
    form.tasks[1].link(world.note.s())
    result = world.run(form, 1)
    assert (result.get(timeout=5), result.parent.get(timeout=5)) == (1106, 1101)
    assert world.heard == [1101]


def test_a_task_that_is_run_again_names_its_followers_as_before(world: World):
    form = world.add.s(1, 2).set(task_id="again")
    form.link(group(world.note.s(), world.note.s() | world.note.s()))
    names = []
    for _ in range(2):
        result = world.run(form)
        names.append([one.as_list() for one in result.children[0]])
        result.forget()
    assert names[0] == names[1]


def test_for_coroutines(world: World):
    async def sends():
        result = await (world.add.s(1) | world.add.s(2)).aapply_async((1,))
        members = await group(world.add.s(1, n) for n in range(3)).aapply_async()
        world.worker.drain()
        return await result.aget(timeout=5), await members.aget(timeout=5)

    assert asyncio.run(sends()) == (4, [1, 2, 3])


def test_waiting_in_a_task_is_refused(world: World):
    def waits(x):
        return group(world.add.s(1, 1))().get(timeout=0)

    task = world.app.task(name="t.waits")(waits)
    with pytest.raises(RuntimeError, match="inside a task"):
        world.run(task.s(1)).get(timeout=5)
    with allow_join_result():
        assert group([])().get(timeout=0) == []


def test_here_and_now(world: World):
    assert (world.add.s(1) | world.add.s(2)).apply((1,)).get() == 4
    assert group(world.add.s(1, n) for n in range(3)).apply().get() == [1, 2, 3]
    assert (group(world.add.s(1, n) for n in range(3)) | world.total.s()).apply().get() == 6
    assert (world.replaced.s(1) | world.add.s(1)).apply().get() == 1102
