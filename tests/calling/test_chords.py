"""Chords run by a real worker loop, on memory, on SQLite and on both: joined once, closed by whatever ends a member."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.until import until
from umbel import Umbel, chain, chord, group
from umbel.exceptions import ChordError, Ignore, ImproperlyConfigured
from umbel.loading import open_broker
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()


class World:
    """An app with its tasks and a worker; `sent` counts how often each body ran."""

    def __init__(self, app: Umbel, worker: InProcessWorker) -> None:
        self.app = app
        self.worker = worker
        self.heard: list[Any] = []
        self.runs = 0

        @app.task(name="t.add")
        def add(x, y=0):
            return x + y

        @app.task(name="t.total")
        def total(numbers, y=0):
            self.runs += 1
            return sum(numbers) + y

        @app.task(name="t.same")
        def same(value):
            return value

        @app.task(name="t.boom")
        def boom(*args):
            raise ValueError(*args)

        @app.task(name="t.leaves")
        def leaves():
            raise Ignore("no result")

        @app.task(name="t.hear")
        def hear(task_id):
            self.heard.append(task_id)

        @app.task(name="t.split", bind=True)
        def split(task, x):
            return task.replace(group(add.s(x, 100), add.s(x, 200)))

        self.add, self.total, self.same, self.boom, self.leaves, self.hear = add, total, same, boom, leaves, hear
        self.split = split

    def run(self, form: Any, *args: Any) -> Any:
        result = form.delay(*args)
        self.worker.drain()
        return result


@pytest.fixture(params=["memory", "sqlite", "memory sqlite"])
def world(request: pytest.FixtureRequest, tmp_path) -> Iterator[World]:
    urls = {"memory": f"memory://chords-{next(_numbers)}", "sqlite": f"sqlite:///{tmp_path}/chords.db"}
    messages, *results = [urls[each] for each in request.param.split()]
    app = Umbel("chords", broker=messages, backend=(results or [messages])[0])
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)


def ends_in_a_group(t: World, takes: bool = False) -> Any:
    """A chord whose body is a group: its results are [[2, 4], 6], or [[4, 6], 10] behind a 2."""
    header = [t.add.s(2), t.add.s(4)] if takes else [t.add.s(1, 1), t.add.s(2, 2)]
    return chord(header, group(t.same.s(), t.total.s()))


SHAPES = {
    "plain": (lambda t: chord([t.add.s(1, n) for n in range(5)], t.total.s(100)), 115),
    "by operator": (lambda t: group(t.add.s(1), t.add.s(2)) | t.total.s(), 3),
    "immutable body": (lambda t: chord([t.add.s(1, 2)], t.add.si(7, 8)), 15),
    "empty header": (lambda t: chord([], t.same.s()), []),
    "one member": (lambda t: chord([t.add.s(1, 2)], t.same.s()), [3]),
    "in a chain": (lambda t: t.add.s(1, 0) | group(t.add.s(2), t.add.s(3)) | t.total.s() | t.add.s(15), 22),
    "body is a chain": (lambda t: chord([t.add.s(1, 1)] * 2, t.total.s() | t.add.s(5)), 9),
    "body is a group": (lambda t: chord([t.add.s(1, 1), t.add.s(2, 2)], group(t.same.s(), t.total.s())), [[2, 4], 6]),
    "body is a chord": (
        lambda t: chord([t.add.s(1, 1), t.add.s(2, 2)], chord([t.total.s(), t.total.s(1)], t.same.s())), [6, 7],
    ),
    "members are chains": (lambda t: chord([t.add.s(1, 1) | t.add.s(n) for n in range(3)], t.same.s()), [2, 3, 4]),
    "chord in a header": (
        lambda t: chord([t.add.s(1, 1), chord([t.add.s(1, 2), t.add.s(1, 3)], t.total.s())], t.same.s()), [2, 7],
    ),
    "member ends in a group": (lambda t: chord([ends_in_a_group(t), t.add.s(0, 7)], t.same.s()), [[[2, 4], 6], 7]),
    "one of its members does": (
        lambda t: chord([chord([ends_in_a_group(t)], t.same.s())], t.same.s()), [[[[2, 4], 6]]],
    ),
    "in a group of the header": (
        lambda t: chord([group(ends_in_a_group(t)), t.add.s(0, 7)], t.same.s()), [[[2, 4], 6], 7],
    ),
    "in a chord of a chain": (
        lambda t: t.add.s(1, 1) | chord([ends_in_a_group(t, True), t.add.s(7)], t.same.s()), [[[4, 6], 10], 9],
    ),
    "member is a chain that ends in one": (
        lambda t: chord([t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)), t.add.s(0, 7)], t.same.s()), [[3, 4], 7],
    ),
    "member is replaced": (lambda t: chord([t.split.s(1), t.add.s(1, 1)], t.same.s()), [[101, 201], 2]),
    "chord of chords": (
        lambda t: chord([chord([t.add.s(n, n)] * 2, t.total.s()) for n in range(3)], t.total.s()), 12,
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_body_gets_all_results_in_order(world: World, shape: str):
    made, expected = SHAPES[shape]
    assert world.run(made(world)).get(timeout=5) == expected
    with closing(world.app.broker.shelf()) as shelf:
        assert shelf.counts() == []


def test_the_result_has_its_header_as_parent(world: World):
    result = world.run(chord([world.add.s(1, 1), world.add.s(2, 2)], world.total.s()))
    assert (result.get(timeout=5), result.parent.get(timeout=5)) == (6, [2, 4])
    assert [one.children for one in result.parent] == [[], []]


def test_the_header_of_such_a_member_has_its_list_as_one_result(world: World):
    result = world.run(chord([ends_in_a_group(world), world.add.s(0, 7)], world.same.s()))
    assert result.parent.get(timeout=5) == [[[2, 4], 6], 7]
    failing = chord([world.add.s(1, 1)], group(world.same.s(), world.boom.s()))
    assert world.run(chord([failing, world.add.s(0, 7)], world.same.s())).state == "FAILURE"
    with closing(world.app.broker.shelf()) as shelf:
        assert shelf.counts() == []


@pytest.mark.parametrize("member", ["boom", "leaves"])
def test_a_member_that_ends_badly_fails_the_body(world: World, member: str):
    form = chord([world.add.s(1, 1), getattr(world, member).si(), world.add.s(2, 2)], world.total.s())
    with pytest.warns(PendingDeprecationWarning):
        form.link_error(world.hear.s())
    result = world.run(form)
    assert (result.state, type(result.result), world.runs) == ("FAILURE", ChordError, 0)
    assert "Dependency" in str(result.result)
    assert world.heard == [result.id]


def test_a_chain_that_breaks_in_a_header_fails_the_body(world: World):
    form = chord([world.add.s(1, 1), world.add.s(1, 1) | world.boom.s() | world.add.s(4)], world.total.s())
    assert world.run(form).state == "FAILURE"


def test_a_member_that_expired_fails_the_body(world: World):
    with pytest.warns(UserWarning, match="expires"):
        result = world.run(chord([world.add.s(1, 1), world.add.s(1, 1).set(expires=-1)], world.total.s()))
    assert (result.state, world.runs) == ("FAILURE", 0)


def test_a_waiting_member_that_is_revoked_fails_the_body(world: World):
    members = [world.add.s(1, 1), world.add.s(1, 1) | world.add.s(2), world.add.s(2, 2)]
    for number, revoked in enumerate((lambda group: group[0], lambda group: group[1].parent)):
        result = chord(members, world.total.s()).delay()
        revoked(result.parent).revoke()
        world.worker.drain()
        assert (result.state, type(result.result), world.runs) == ("FAILURE", ChordError, 0), number
        assert revoked(result.parent).state == "REVOKED"
    assert world.app.broker.shelf().counts() == []


def test_bodies_that_are_compressed(world: World):
    world.app.conf.task_compression = "gzip"
    for body in (world.total.s(1), world.total.si([7], 1)):
        form = chord([world.add.s(1, 1), world.add.s(2, 2)], body)
        assert world.run(form).get(timeout=5) == (8 if body.immutable else 7)


def test_a_failure_goes_up_through_nested_chords_and_down_the_chain(world: World):
    inner = chord([world.add.s(1, 2), world.boom.si()], world.total.s())
    form = chord([world.add.s(1, 1), inner], world.same.s() | world.add.s(1))
    assert world.run(form).state == "FAILURE"
    members = world.run(chord([world.add.s(1, 1), world.boom.si()], group(world.same.s(), world.total.s())))
    assert [one.state for one in members] == ["FAILURE", "FAILURE"]
    tail = world.run(chain(world.add.s(1, 1), group(world.add.s(1), world.boom.s()), world.total.s(), world.add.s(2)))
    assert (tail.state, world.runs) == ("FAILURE", 0)


def test_a_body_that_cannot_be_called_with_the_results_fails(world: World):
    """What would have sent it fails, and so does everything that somebody may wait for."""
    members = world.run(chord([world.add.s(1, 1)], group(world.hear.s("one too many"), world.same.s())))
    assert [one.state for one in members] == ["FAILURE", "FAILURE"]
    with pytest.raises(TypeError, match=r"t\.hear\(\) cannot be called like that"):
        members[1].get(timeout=5)
    inner = chord([world.hear.s("one too many")], world.total.s())
    assert world.run(chord([world.add.s(1, 1)], inner | world.add.s(1))).state == "FAILURE"
    assert world.run(chord([chord([world.add.s(1, 1)], inner)], world.same.s())).state == "FAILURE"
    assert (world.heard, world.runs) == ([], 0)


def test_a_member_that_runs_again_changes_nothing(world: World):
    header = [world.add.s(n, n).set(task_id=f"member-{n}") for n in range(3)]
    form = chord(header, world.total.s()).set(task_id="the-body")
    result = form.apply_async()
    with closing(world.app.broker.shelf()) as shelf:
        copies = [item.parcel for item in shelf.items("ready")]
    world.app.publish(copies)
    world.worker.drain()
    assert (result.get(timeout=5), world.runs) == (6, 1)
    world.app.publish(copies)
    world.worker.drain()
    assert world.runs == 1


def test_many_members(world: World):
    result = world.run(chord((world.add.s(n, 0) for n in range(1200)), world.total.s()))
    assert (result.get(timeout=30), world.runs) == (719_400, 1)


def test_joins_are_forgotten_when_they_expire(world: World):
    world.app.conf.result_chord_expires = 0.001
    world.run(chord([world.add.s(1, 1)], world.total.s()))
    owners = open_broker(world.app.result_url, {}).owners()
    assert until(lambda: owners.tidy({}) == 1, "the join to expire")
    assert owners.tidy({}) == 0
    owners.close()


@pytest.mark.parametrize(("results", "why"), [("disabled", "here nobody has them"), ("rpc://", "rpc:// cannot do it")])
def test_refused_where_no_store_has_the_results(results: str, why: str):
    app = Umbel("refused", broker="amqp://localhost:1//", backend=results)
    said = f"joined by the store that has the results, and {why}"
    with app, pytest.raises(ImproperlyConfigured, match=said):
        chord([app.signature("a")], app.signature("b")).delay()
