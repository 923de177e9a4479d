"""Random histories against a model too simple to be wrong: each message is in exactly one place, nothing is lost."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from .... import clock
from ....broker import Place, Revocation, Want
from ....message import Delivery, Parcel
from ....outcome import Bury, Done, Fail, Hold, Outcome, Park, Release, Retry
from ..lab import Lab
from ..needs import EVERYWHERE, needs
from ..scene import Scene, Worker, opened_scene

QUEUES = ("red", "blue")
PICK = st.integers(0, 59)
KINDS: tuple[type[Outcome], ...] = (Done, Fail, Retry, Release, Park, Park, Bury, Bury, Hold)
PLACES: dict[type[Outcome], Place] = {Release: "ready", Park: "delayed", Bury: "dead"}


@dataclass
class Expected:
    """Where the model has a message."""

    queue: str
    priority: int
    place: Place


class History(RuleBasedStateMachine):
    """Two workers, two queues, and everything that may happen to a message."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._exit = ExitStack()
        self.lab = lab.fresh()
        self._exit.callback(self.lab.close)
        self.scene: Scene = self._exit.enter_context(opened_scene(self.lab))
        self.workers: list[Worker] = [self.scene.worker() for _ in range(2)]
        self.model: dict[str, Expected] = {}
        self.held: dict[str, tuple[Worker, Delivery]] = {}
        self.over: list[Delivery] = []
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

    @rule(
        which=PICK, limit=st.sampled_from([4, 1, 0]), queues=st.permutations(QUEUES),
        endings=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1)), min_size=1, max_size=3),
        late=st.booleans(),
    )  # fmt: skip
    def turn(
        self, which: int, limit: int, queues: list[str], endings: list[tuple[type[Outcome], int]], late: bool
    ) -> None:
        """A worker settles some of what it holds in some way and something that is over, and claims what is next."""
        worker = self.workers[which % 2]
        mine = [name for name, (holder, _) in self.held.items() if holder is worker]
        over = [Done(delivery, parcels=(self.scene.parcel("ghost"),)) for delivery in self.over[-1:] if late]
        outcomes = [self._ended(name, *ending) for name, ending in zip(mine, endings, strict=False)]
        turn = worker.consumer.turn([*over, *outcomes], Want(tuple(queues), limit) if limit else None)
        assert turn.fenced == over
        self._claimed(worker, turn.deliveries, limit)

    def _ended(self, name: str, kind: type[Outcome], children: int) -> Outcome:
        """An outcome with follow-ups; the model knows what comes of it."""
        _, delivery = self.held[name]
        parcels = tuple(self._child() for _ in range(children))
        if kind is Hold:
            return Hold(delivery, parcels=parcels)
        self._no_longer_held(name)
        if kind in PLACES:
            self.model[name].place = PLACES[kind]
        else:
            del self.model[name]
        if kind is Park:
            return Park(delivery, parcels=parcels, due=clock.wall() + 3600)
        return Bury(delivery, parcels=parcels, reason="poison") if kind is Bury else kind(delivery, None, parcels)

    def _child(self) -> Parcel:
        name = str(self.number)
        self.number += 1
        self.model[name] = Expected("red", 0, "ready")
        return self.scene.parcel(name, queue="red")

    def _claimed(self, worker: Worker, deliveries: list[Delivery], limit: int) -> None:
        """What a worker gets must be ready, of the best priority, of one queue; and something if there is something."""
        ready = [expected.priority for expected in self.model.values() if expected.place == "ready"]
        assert bool(deliveries) == bool(ready and limit)
        assert len(deliveries) <= limit
        assert len({delivery.queue for delivery in deliveries}) <= 1
        for delivery in deliveries:
            name = delivery.body.decode()
            assert self.model[name].place == "ready"
            assert delivery.priority == self.scene.number(max(ready))
            self.model[name].place = "leased"
            self.held[name] = (worker, delivery)

    @rule(which=PICK, end=st.sampled_from(["retire", "report", "lose"]))
    def lose_a_worker(self, which: int, end: str) -> None:
        """It retires, dies before its supervisor's eyes, or dies unseen; another one takes its place."""
        worker = self.workers[which % 2]
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
        self.workers[which % 2] = self.scene.worker()

    @rule()
    def let_an_hour_pass(self) -> None:
        """Everything delayed falls due."""
        self.scene.hands.advance(3601)
        for expected in self.model.values():
            if expected.place == "delayed":
                expected.place = "ready"

    @precondition(lambda self: self.model)
    @rule(which=PICK, how=st.sampled_from(["revoke", "delete", "purge", "replay"]))
    def handle(self, which: int, how: str) -> None:
        """By hand: one that waits goes, one wherever it is, all that wait in a queue, or the dead come back."""
        name = sorted(self.model)[which % len(self.model)]
        waiting = [other for other, expected in self.model.items() if expected.place in ("ready", "delayed")]
        if how == "revoke":
            gone = [name] if name in waiting else []
            assert self.scene.control.revoke([Revocation(name)]) == gone
        elif how == "delete":
            gone = [name]
            (item,) = self.scene.shelf.find(name)
            assert self.scene.shelf.delete(item.place, [item.tag]) == 1
        elif how == "replay":
            gone = []
            self._replay_the_dead()
        else:
            queue = self.model[name].queue
            gone = [other for other in waiting if self.model[other].queue == queue]
            assert self.scene.shelf.purge(queue) == len(gone)
        for other in gone:
            del self.model[other]
            if other in self.held:
                self._no_longer_held(other)

    def _replay_the_dead(self) -> None:
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
        self.over.append(self.held.pop(name)[1])


class HistoryChecks:
    """All moves of messages together.

    Attributes:
        phases: of hypothesis; without `shrink` a failure comes sooner and is longer.
    """

    phases: ClassVar[tuple[Phase, ...]] = (Phase.generate, Phase.shrink)

    @needs("listed", EVERYWHERE)
    def test_every_message_is_in_exactly_one_place(self, scene: Scene) -> None:
        """Through any history of publishing, claiming, settling, dying and cleaning."""
        run_state_machine_as_test(
            cast("type[RuleBasedStateMachine]", partial(History, scene.lab)),
            settings=settings(
                max_examples=scene.lab.histories, stateful_step_count=40, deadline=None, database=None,
                phases=self.phases,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            ),
        )  # fmt: skip
