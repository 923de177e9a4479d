"""Who gets which message, and when."""

from __future__ import annotations

from collections import Counter
from functools import partial

from .... import clock
from ....outcome import Done, Release
from ..needs import needs
from ..scene import Scene, names

QUEUES = ("first", "second")


class ClaimingChecks:
    """`Consumer.turn`, the claim."""

    def test_the_oldest_is_first(self, scene: Scene) -> None:
        """First in, first out, over several calls of `publish`."""
        ids = [str(number) for number in range(25)]
        for start in range(0, 25, 5):
            scene.publish(*ids[start : start + 5])
        worker = scene.worker()
        assert [name for _ in range(5) for name in names(worker.claim(6))] == ids

    def test_the_urgent_is_first(self, scene: Scene) -> None:
        """9 before 0, whatever came first."""
        for priority in (3, 0, 9, 5):
            scene.publish(str(priority), priority=priority)
        worker = scene.worker()
        assert [names(worker.claim(1)) for _ in range(4)] == [["9"], ["5"], ["3"], ["0"]]

    def test_a_claim_is_of_one_priority(self, scene: Scene) -> None:
        """So that a batch of urgent work is never followed by work that should have waited."""
        scene.publish("low", priority=3)
        scene.publish("high", "high too", priority=5)
        worker = scene.worker()
        assert names(worker.claim(10)) == ["high", "high too"]
        assert names(worker.claim(10)) == ["low"]

    def test_a_claim_is_of_one_queue(self, scene: Scene) -> None:
        """What is left in the other queue comes with the next claim."""
        scene.publish("a", queue="first")
        scene.publish("b", queue="second")
        worker = scene.worker()
        assert [names(worker.claim(10, *QUEUES)) for _ in range(2)] == [["a"], ["b"]]

    def test_among_equals_the_wanted_order_of_queues_decides(self, scene: Scene) -> None:
        """The caller rotates the queues; neither the age of the messages nor the name of the queue matters."""
        for task_id, queue in (("a", "first"), ("b", "second"), ("c", "first"), ("d", "second")):
            scene.publish(task_id, queue=queue)
        worker = scene.worker()
        assert names(worker.claim(1, "second", "first")) == ["b"]
        assert names(worker.claim(1, "first", "second")) == ["a"]

    @needs("order", "store")
    def test_an_urgent_message_of_a_later_queue_is_first(self, scene: Scene) -> None:
        """Priority decides before the order of the queues."""
        scene.publish("calm", queue="first", priority=4)
        scene.publish("urgent", queue="second", priority=5)
        assert names(scene.worker().claim(1, *QUEUES)) == ["urgent"]

    def test_only_wanted_queues_are_claimed(self, scene: Scene) -> None:
        """A queue's name is taken literally."""
        scene.publish("a", queue="q.other")
        scene.publish("b", queue="Q")
        assert scene.worker().claim(10, "q", "q%", "q.*", "other") == []

    def test_a_claim_keeps_its_limit(self, scene: Scene) -> None:
        """At most `limit`, and as many as there are."""
        scene.publish(*"abcde")
        worker = scene.worker()
        assert [len(worker.claim(limit)) for limit in (1, 3, 3)] == [1, 3, 1]

    def test_nothing_is_claimed_unless_wanted(self, scene: Scene) -> None:
        """A turn without a want only settles."""
        scene.publish("a")
        turn = scene.worker().consumer.turn([], None)
        assert turn.deliveries == []
        scene.expect_place("a", "ready")

    def test_a_claimed_message_is_nobody_elses(self, scene: Scene) -> None:
        """Neither another worker nor its own holder can claim it again."""
        scene.publish("a", "b")
        one, two = scene.worker(), scene.worker()
        assert names(one.claim(1)) == ["a"]
        assert names(two.claim(10)) == ["b"]
        assert one.claim(10) + two.claim(10) == []

    def test_workers_at_once_share_no_message(self, scene: Scene) -> None:
        """Four threads drain a queue: each message goes to one of them, under a tag of its own, and none is left."""
        ids = [str(number) for number in range(300)]
        scene.publish(*ids)

        def drain(_wake: int) -> list[tuple[int, str]]:
            worker = scene.worker()
            taken, deliveries = [], worker.claim(7)
            while deliveries:
                taken += [(delivery.tag, delivery.body.decode()) for delivery in deliveries]
                deliveries = worker.turn(*map(Done, deliveries), limit=7).deliveries
            return taken

        taken = [pair for future in [scene.start(drain) for _ in range(4)] for pair in future.result(60)]
        assert Counter(task_id for _, task_id in taken) == Counter(ids)
        assert len({tag for tag, _ in taken}) == len(ids)

    def test_every_claim_has_its_own_number(self, scene: Scene) -> None:
        """The same message to the same owner again is another claim."""
        scene.publish("a")
        worker = scene.worker()
        claims = []
        for _ in range(3):
            delivery = worker.take()
            claims.append((delivery.tag, delivery.claim))
            worker.settle(Release(delivery))
        assert len(set(claims)) == 3

    def test_a_turn_settles_before_it_claims(self, scene: Scene) -> None:
        """What a turn gives back, the same turn may claim."""
        scene.publish("a")
        worker = scene.worker()
        turn = worker.turn(Release(worker.take()))
        assert names(turn.deliveries) == ["a"]

    @needs("delays", "caller")
    def test_a_delayed_message_waits_for_its_time(self, scene: Scene) -> None:
        """Nobody gets it before it is due, and everybody may once it is."""
        scene.publish("a", due=clock.wall() + 60)
        worker = scene.worker()
        scene.expect_place("a", "delayed")
        scene.hands.advance(50)
        assert worker.claim() == []
        scene.hands.advance(20)
        assert names(worker.claim()) == ["a"]

    def test_a_due_time_in_the_past_is_now(self, scene: Scene) -> None:
        """Nobody waits for what is over."""
        scene.publish("a", due=clock.wall() - 1)
        assert names(scene.worker().claim()) == ["a"]

    @needs("delays", "caller")
    def test_a_due_message_has_its_priority(self, scene: Scene) -> None:
        """The time in the delayed place costs it no rank."""
        scene.publish("urgent", priority=8, due=clock.wall() + 60)
        scene.publish("calm", priority=1)
        scene.hands.advance(61)
        assert names(scene.worker().claim(1)) == ["urgent"]

    @needs("delays", "caller")
    def test_a_turn_names_the_next_due_time(self, scene: Scene) -> None:
        """The earliest of the wanted queues, 0.0 when there is none: an idle worker sleeps until then."""
        now = clock.wall()
        scene.publish("b", due=now + 90)
        scene.publish("a", due=now + 60)
        scene.publish("other", queue="other", due=now + 30)
        worker = scene.worker()
        due = partial(round, ndigits=2)
        assert due(worker.turn(queues=("q",)).next_due) == due(now + 60)
        assert due(worker.turn(queues=("q", "other")).next_due) == due(now + 30)
        assert worker.turn(queues=("empty",)).next_due == 0.0
