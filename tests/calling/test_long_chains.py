"""Chains whose messages would be too large: a message carries a segment, and the rest is stored with the results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from umbel import Umbel, chain, chord
from umbel.canvas import CONTINUE, segments
from umbel.exceptions import ChainLostError, ChordError
from umbel.testing.worker import InProcessWorker

LINKS = 60


class World:
    """An app whose messages carry no more than some 20 links."""

    def __init__(self, app: Umbel, worker: InProcessWorker) -> None:
        self.app = app
        self.worker = worker
        self.heard: list[str] = []
        self.ran: list[int] = []

        @app.task(name="t.add")
        def add(x, y, boom=False):
            self.ran.append(x)
            if boom:
                raise LookupError(x)
            return x + y

        @app.task(name="t.hear")
        def hear(task_id):
            self.heard.append(task_id)

        @app.task(name="t.total")
        def total(numbers):
            return sum(numbers)

        self.add, self.hear, self.total = add, hear, total

    def links(self, number: int = LINKS, at: int = 0) -> Any:
        """A chain that counts; one link fails."""
        first = self.add.s(0, 1)
        return chain([first, *(self.add.s(1, boom=n == at) for n in range(1, number))])

    def run(self, form: Any) -> Any:
        result = form.delay()
        self.worker.drain()
        return result

    def lose(self) -> None:
        """Everything that is stored is gone."""
        backend = self.app.backend()
        assert backend is not None
        with closing(self.app.broker.shelf()) as shelf:
            sent = shelf.items("ready")
        tails = [word for item in sent for word in _tails(item.parcel.body)]
        backend.forget([segments.derived_id(tail, part) for tail in tails for part in range(1, 20)])
        assert tails


def _tails(body: bytes) -> list[str]:
    return [one["kwargs"]["tail"] for one in segments.decode_json(body)[2]["chain"] if one["task"] == CONTINUE]


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(segments, "MOST", 6_000)
    urls = {"memory": f"memory://segments-{tmp_path.name}", "sqlite": f"sqlite:///{tmp_path}/chains.db"}
    app = Umbel("chains", broker=urls[request.param])
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)


def bodies(world: World) -> list[bytes]:
    with closing(world.app.broker.shelf()) as shelf:
        return [item.parcel.body for item in shelf.items("ready")]


def test_a_long_chain_goes_through_in_segments(world: World) -> None:
    result = world.links().delay()
    body = bodies(world)[0]
    assert len(body) < 6_500
    assert len(_tails(body)) == 1
    world.worker.drain()
    assert result.get(timeout=1) == LINKS
    assert world.ran == [0, *range(1, LINKS)]


def test_a_short_one_is_celerys_message(world: World) -> None:
    world.links(10).delay()
    assert CONTINUE.encode() not in bodies(world)[0]


def test_handles_know_each_step(world: World) -> None:
    result = world.run(world.links())
    values = []
    while result is not None:
        values.append(result.get(timeout=1))
        result = result.parent
    assert values == list(range(LINKS, 0, -1))


@pytest.mark.parametrize("at", [3, 30, LINKS - 1])
def test_a_failure_reaches_the_last_step_and_each_errback_once(world: World, at: int) -> None:
    form = world.links(at=at)
    form.link_error(world.hear.s())
    result = world.run(form)
    with pytest.raises(LookupError):
        result.get(timeout=1)
    states = []
    while result is not None:
        states.append(result.state)
        result = result.parent
    assert states == ["FAILURE"] * (LINKS - at) + ["SUCCESS"] * at
    assert len(world.heard) == 1


def test_a_lost_rest_fails_the_chain_and_runs_its_errbacks(world: World) -> None:
    form = world.links()
    form.link_error(world.hear.s())
    result = form.delay()
    world.lose()
    world.worker.drain()
    with pytest.raises(ChainLostError, match="result_chord_expires"):
        result.get(timeout=1)
    assert len(world.heard) == 1


def test_a_failure_before_a_lost_rest_is_told_to_the_last_step(world: World) -> None:
    result = world.links(at=2).delay()
    world.lose()
    world.worker.drain()
    with pytest.raises(LookupError):
        result.get(timeout=1)


@pytest.mark.parametrize("at", [0, 3])
def test_a_member_that_is_long_ends_its_chord(world: World, at: int) -> None:
    result = world.run(chord([world.links(at=at), world.add.s(1, 1)], world.total.s()))
    if at:
        assert isinstance(result.result, ChordError)
    else:
        assert result.get(timeout=1) == LINKS + 2


def test_a_revoked_step_revokes_what_is_stored(world: World) -> None:
    result = world.links().delay()
    oldest = result
    while oldest.parent is not None:
        oldest = oldest.parent
    oldest.revoke()
    world.worker.drain()
    assert result.state == "REVOKED"
    assert world.ran == []


def test_a_chain_behind_a_chord(world: World) -> None:
    header = [world.add.s(1, 1), world.add.s(2, 2)]
    result = world.run(chain([chord(header, world.total.s()), *(world.add.s(1) for _ in range(LINKS))]))
    assert result.get(timeout=1) == 6 + LINKS


def test_a_link_goes_to_the_queue_of_the_step_behind_it_unless_it_is_routed(world: World) -> None:
    world.app.conf.task_routes = {"t.add": "images"}
    world.links().delay()
    assert segments.decode_json(bodies(world)[0])[2]["chain"][0]["options"]["queue"] == "images"
    world.app.conf.task_routes = {"t.add": "images", CONTINUE: "umbel"}
    world.links().delay()
    assert segments.decode_json(bodies(world)[1])[2]["chain"][0]["options"]["queue"] == "umbel"
