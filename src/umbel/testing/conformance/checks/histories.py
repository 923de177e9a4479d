"""Random histories against a model too simple to be wrong: each message is in exactly one place, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from umbel import clock
from umbel.broker import Place, Revocation
from umbel.message import Delivery
from umbel.outcome import Bury, Done, Fail, Hold, Outcome, Park, Release, Retry
from umbel.testing.conformance.lab import Lab
from umbel.testing.conformance.scene import Scene, Worker, opened_scene

QUEUES = ("red", "blue")
PICK = st.integers(0, 1 << 30)
KINDS: tuple[Callable[..., Outcome], ...] = (Done, Fail, Retry, Release, Park, Bury, Hold)


@dataclass
class Expected:
    """Where the model has a message, and with whom."""

    queue: str
    priority: int
    place: Place
    holder: int = 0


class History(RuleBasedStateMachine):
    """Three workers, two queues, and everything that may happen to a message."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._exit = ExitStack()
        self.lab = lab.fresh()
        self._exit.callback(self.lab.close)
        self.scene: Scene = self._exit.enter_context(opened_scene(self.lab))
        self.workers: list[Worker] = [self.scene.worker() for _ in range(3)]
        self.model: dict[str, Expected] = {}
        self.held: dict[str, tuple[Worker, Delivery]] = {}
        self.settled: list[tuple[Worker, Delivery]] = []
        self.number = 0

    def teardown(self) -> None:
        """Close everything of this history."""
        self._exit.close()

    @rule(
        count=st.integers(1, 4), queue=st.sampled_from(QUEUES), priority=st.sampled_from([0, 5, 9]), late=st.booleans()
    )
    def publish(self, count: int, queue: str, priority: int, late: bool) -> None:
        """Some messages, at once or in an hour."""
        names = [str(self.number + offset) for offset in range(count)]
        self.number += count
        self.scene.publish(*names, queue=queue, priority=priority, due=clock.wall() + 3600 if late else 0.0)
        self.model.update({name: Expected(queue, priority, "delayed" if late else "ready") for name in names})

    @rule(which=PICK, limit=st.integers(1, 5), queues=st.permutations(QUEUES))
    def claim(self, which: int, limit: int, queues: list[str]) -> None:
        """What a worker gets must be ready, of the best priority, of one queue, and something if there is something."""
        worker = self.workers[which % 3]
        ready = [expected for expected in self.model.values() if expected.place == "ready"]
        deliveries = worker.claim(limit, *queues)
        assert bool(deliveries) == bool(ready)
        assert len(deliveries) <= limit
        assert len({delivery.queue for delivery in deliveries}) <= 1
        for delivery in deliveries:
            name = delivery.body.decode()
            assert self.model[name].place == "ready"
            assert delivery.priority == max(expected.priority for expected in ready)
            self.model[name].place, self.model[name].holder = "leased", worker.nonce
            self.held[name] = (worker, delivery)

    @rule(which=PICK, kind=st.sampled_from(KINDS), children=st.integers(0, 2))
    def settle(self, which: int, kind: Callable[..., Outcome], children: int) -> None:
        """One outcome of any kind with follow-ups, of whoever holds the message."""
        if not self.held:
            return
        name = sorted(self.held)[which % len(self.held)]
        worker, delivery = self.held[name]
        names = [str(self.number + offset) for offset in range(children)]
        self.number += children
        more: dict[str, Any] = {"due": clock.wall() + 3600} if kind is Park else {}
        more |= {"reason": "poison"} if kind is Bury else {}
        parcels = tuple(self.scene.parcel(child, queue="red") for child in names)
        assert worker.settle(kind(delivery, parcels=parcels, **more)) == []
        self.model.update({child: Expected("red", 0, "ready") for child in names})
        if kind is Hold:
            return
        self._no_longer_held(name)
        places: dict[Any, Place] = {Release: "ready", Park: "delayed", Bury: "dead"}
        if kind in places:
            self.model[name].place = places[kind]
        else:
            del self.model[name]

    @rule(which=PICK)
    def settle_too_late(self, which: int) -> None:
        """An outcome of a claim that is over changes nothing."""
        if self.settled:
            worker, delivery = self.settled[which % len(self.settled)]
            assert len(worker.settle(Done(delivery, parcels=(self.scene.parcel("ghost"),)))) == 1

    @rule(which=PICK, end=st.sampled_from(["retire", "report", "lose"]))
    def lose_a_worker(self, which: int, end: str) -> None:
        """It retires, dies before its supervisor's eyes, or dies unseen; another one takes its place."""
        worker = self.workers[which % 3]
        mine = [name for name, (holder, _) in self.held.items() if holder is worker]
        if end == "retire":
            self.scene.owners.retire(worker.nonce)
        elif end == "report":
            self.scene.report(worker, *[self.held[name][1] for name in mine[:1]])
        else:
            assert self.scene.lose(worker) == len(mine)
        for name in mine:
            self._no_longer_held(name)
            self.model[name].place = "ready"
        self.workers[which % 3] = self.scene.worker()

    @rule()
    def let_an_hour_pass(self) -> None:
        """Everything delayed falls due."""
        self.scene.hands.advance(3601)
        for expected in self.model.values():
            if expected.place == "delayed":
                expected.place = "ready"

    @rule(which=PICK)
    def revoke(self, which: int) -> None:
        """Takes what waits, and nothing else."""
        if self.model:
            name = sorted(self.model)[which % len(self.model)]
            waits = self.model[name].place in ("ready", "delayed")
            assert self.scene.control.revoke([Revocation(name)]) == ([name] if waits else [])
            if waits:
                del self.model[name]

    @rule(which=PICK)
    def delete(self, which: int) -> None:
        """By hand, wherever it is."""
        if self.model:
            name = sorted(self.model)[which % len(self.model)]
            (item,) = self.scene.shelf.find(name)
            assert self.scene.shelf.delete(item.place, [item.tag]) == 1
            del self.model[name]
            if name in self.held:
                self._no_longer_held(name)

    @rule(queue=st.sampled_from(QUEUES))
    def purge(self, queue: str) -> None:
        """Everything of a queue that waits."""
        waiting = [
            name for name, expected in self.model.items()
            if expected.queue == queue and expected.place in ("ready", "delayed")
        ]  # fmt: skip
        assert self.scene.shelf.purge(queue) == len(waiting)
        for name in waiting:
            del self.model[name]

    @rule()
    def replay_the_dead(self) -> None:
        """All of them."""
        dead = self.scene.shelf.items("dead", limit=10_000)
        assert self.scene.shelf.replay([item.tag for item in dead]) == len(dead)
        for item in dead:
            self.model[item.parcel.id].place = "ready"

    @invariant()
    def each_message_is_where_the_model_has_it(self) -> None:
        """Once, in its place, and there is no other message. What has fallen due may be listed in either place."""
        found: dict[str, str] = {}
        for place in ("ready", "delayed", "leased", "dead"):
            for item in self.scene.shelf.items(place, limit=10_000):
                assert item.parcel.id not in found, f"{item.parcel.id} is in two places"
                due = place == "delayed" and item.parcel.due <= clock.wall()
                found[item.parcel.id] = "ready" if due else place
        assert found == {name: expected.place for name, expected in self.model.items()}

    def _no_longer_held(self, name: str) -> None:
        self.settled.append(self.held.pop(name))


class HistoryChecks:
    """All moves of messages together."""

    def test_every_message_is_in_exactly_one_place(self, scene: Scene) -> None:
        """Through any history of publishing, claiming, settling, dying and cleaning."""
        run_state_machine_as_test(
            cast("type[RuleBasedStateMachine]", partial(History, scene.lab)),
            settings=settings(
                max_examples=scene.lab.histories, stateful_step_count=30, deadline=None, database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            ),
        )  # fmt: skip
