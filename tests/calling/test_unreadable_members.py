"""A member of a chord whose body nobody can read: its chord fails, because the head says whose member it is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from umbel import Umbel, chain, chord, group
from umbel.canvas import collecting
from umbel.canvas.bare import MOST
from umbel.exceptions import ChordError
from umbel.message import CHORD_HEADER, Parcel
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()


class World:
    """An app with its tasks and a worker; `heard` are the ids that an errback was told."""

    def __init__(self, app: Umbel, worker: InProcessWorker) -> None:
        self.app = app
        self.worker = worker
        self.heard: list[str] = []

        @app.task(name="u.add")
        def add(x, y=0):
            return x + y

        @app.task(name="u.total")
        def total(numbers, secret, *, power):
            raise AssertionError("it must not run")

        @app.task(name="u.hear")
        def hear(task_id):
            self.heard.append(task_id)

        @app.task(name="u.again", bind=True)
        def again(task):
            raise task.retry(countdown=0, serializer="pickle")

        @app.task(name="u.adds", bind=True)
        def adds(task):
            task.add_to_chord(add.s(1, 1).set(serializer="pickle"))

        self.add, self.hear, self.again, self.adds = add, hear, again, adds
        self.total = total.s("a secret", power=3)

    def built(self, form: Any) -> tuple[Any, list[Parcel]]:
        with collecting() as outbox:
            result = form.delay()
        return result, outbox.parcels

    def run(self, form: Any, *broken: int) -> Any:
        """Send it, the messages of these numbers with a body that is damaged, and work."""
        result, parcels = self.built(form)
        for number in broken:
            parcels[number].body = b"\xff"
        self.app.publish(parcels)
        self.worker.drain()
        return result

    def dead(self) -> list[str]:
        with closing(self.app.broker.shelf()) as shelf:
            counts = shelf.counts()
            assert all((each.ready, each.delayed, each.leased) == (0, 0, 0) for each in counts)
            return [item.parcel.id for item in shelf.items("dead")]


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path) -> Iterator[World]:
    urls = {"memory": f"memory://unreadable-{next(_numbers)}", "sqlite": f"sqlite:///{tmp_path}/unreadable.db"}
    app = Umbel("unreadable", broker=urls[request.param])
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)


@pytest.mark.parametrize("broken", [(0,), (2,), (0, 1, 2)])
def test_a_member_that_cannot_be_read_fails_the_body(world: World, broken: tuple[int, ...]):
    result = world.run(chord([world.add.s(n) for n in range(3)], world.total.on_error(world.hear.s())), *broken)
    assert (result.state, type(result.result)) == ("FAILURE", ChordError)
    assert str(result.result).startswith(f"Dependency {result.parent[broken[0]].id} raised ")
    assert world.heard == [result.id]
    assert set(world.dead()) == {result.parent[number].id for number in broken}


SHAPES: dict[str, Callable[[World], Any]] = {
    "members are chains": lambda w: chord([w.add.s(1) | w.add.s(2) | w.add.s(3), w.add.s(4)], w.total),
    "a chord among them": lambda w: chord([chord([w.add.s(1), w.add.s(2)], w.add.s()), w.add.s(3)], w.total),
    "a chord at the end of one": lambda w: chord(
        [w.add.s(1) | chord([w.add.s(1), w.add.s(2)], w.add.s()), w.add.s(3)], w.total
    ),
    "one that ends in a group": lambda w: chord(
        [chord([w.add.s(1)], group(w.add.s(1), w.add.s(2))), w.add.s(3)], w.total
    ),
    "body is a chain": lambda w: chord([w.add.s(1)], w.total | w.add.s(7)),
    "body is a chord": lambda w: chord([w.add.s(1)], chord([w.total, w.add.s(7)], w.add.s())),
    "a chain behind it": lambda w: group(w.add.s(1), w.add.s(2)) | w.total | w.add.s(7),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_in_all_shapes(world: World, shape: str):
    result = world.run(SHAPES[shape](world), 0)
    assert result.state == "FAILURE"
    assert len(world.dead()) == 1


def test_the_members_of_a_body_that_is_a_group_fail(world: World):
    result = world.run(chord([world.add.s(1)], group(world.total, world.add.s(7))), 0)
    assert [one.state for one in result] == ["FAILURE", "FAILURE"]


def test_members_in_a_form_that_is_not_accepted(world: World):
    result = world.run(chord([world.add.s(1).set(serializer="pickle"), world.add.s(2)], world.total))
    assert (result.state, len(world.dead())) == ("FAILURE", 1)


@pytest.mark.parametrize("member", ["again", "adds", "step"])
def test_what_a_worker_sends_of_a_member_says_it_too(world: World, member: str):
    """A retry, a member that was added, the next step of a chain."""
    steps = world.add.s(1) | world.add.s(2).set(serializer="pickle") | world.add.s(3)
    form = steps if member == "step" else getattr(world, member).si()
    result = world.run(chord([form, world.add.s(2)], world.total))
    assert (result.state, type(result.result), len(world.dead())) == ("FAILURE", ChordError, 1)


def test_the_head_has_no_arguments_and_stays_small(world: World):
    form = chord([world.add.s(1).set(headers={"tenant": "acme"}), world.add.s(2)], world.total)
    _result, parcels = world.built(form)
    heads = [json.loads(parcel.head)["headers"] for parcel in parcels]
    assert [head[CHORD_HEADER]["chord"]["options"]["task_id"] for head in heads] == [_result.id] * 2
    assert heads[0]["tenant"] == "acme"
    assert not [parcel for parcel in parcels if b"secret" in parcel.head]
    sizes = {}
    for steps in (20, 200):
        _result, (parcel,) = world.built(chord([world.add.s(1)], chain(world.total, *[world.add.s(1)] * steps)))
        sizes[steps] = len(parcel.head)
    assert sizes[200] < 2_000 < sizes[20] < MOST


@pytest.mark.parametrize("said", [7, {"chord": 7}, {"chain": 7}, {"chord": None, "chain": [7]}, {}])
def test_nonsense_in_its_place_is_not_there(world: World, said: Any):
    result, (parcel,) = world.built(chord([world.add.s(1)], world.total))
    head = json.loads(parcel.head)
    head["headers"][CHORD_HEADER] = said
    parcel.head, parcel.body = json.dumps(head).encode(), b"\xff"
    world.app.publish([parcel])
    world.worker.drain()
    assert (result.parent[0].state, world.dead()) == ("FAILURE", [parcel.id])


def test_other_messages_say_nothing(world: World):
    _result, parcels = world.built(group(world.add.s(1), world.add.s(2) | world.add.s(3)))
    assert [CHORD_HEADER.encode() in parcel.head for parcel in parcels] == [False, False]
