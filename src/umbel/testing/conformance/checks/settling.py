"""What becomes of a claimed message, and whose word counts."""

from __future__ import annotations

import msgspec

from .... import clock
from ....outcome import Bury, Done, Fail, Hold, Outcome, Park, Release, Replace, Retry
from ..needs import needs
from ..scene import Scene, names, record

ENDINGS = (("done", Done), ("failed", Fail), ("retried", Retry), ("replaced", Replace))


class SettlingChecks:
    """`Consumer.turn`, the settle; `Consumer.check`."""

    def _ends(self, scene: Scene, kind: type[Outcome]) -> None:
        scene.publish("a", "b")
        worker = scene.worker()
        assert worker.settle(kind(worker.take())) == []
        scene.expect_place("a", None)
        scene.expect_place("b", "ready")

    def test_done_removes_the_message(self, scene: Scene) -> None:
        self._ends(scene, Done)

    def test_fail_removes_the_message(self, scene: Scene) -> None:
        self._ends(scene, Fail)

    def test_retry_removes_the_message(self, scene: Scene) -> None:
        self._ends(scene, Retry)

    def test_replace_removes_the_message(self, scene: Scene) -> None:
        self._ends(scene, Replace)

    def test_a_record_is_stored_with_its_outcome(self, scene: Scene) -> None:
        """Whatever the kind of the outcome; the document is kept as it is."""
        scene.publish("done", "failed", "retried", "buried")
        worker = scene.worker()
        done, failed, retried, buried = worker.claim(least=4)
        worker.settle(
            Done(done, record("done", "SUCCESS")), Fail(failed, record("failed", "REVOKED")),
            Retry(retried, record("retried", "RETRY")), Bury(buried, record("buried", "FAILURE"), reason="poison"),
        )  # fmt: skip
        for task_id, status in (
            ("done", "SUCCESS"),
            ("failed", "REVOKED"),
            ("retried", "RETRY"),
            ("buried", "FAILURE"),
        ):
            scene.expect_state(task_id, status)
        if scene.abilities.results:
            assert scene.backend.fetch(["done"])["done"] == record("done", "SUCCESS")

    def test_a_success_in_the_store_outlives_a_late_failure(self, scene: Scene) -> None:
        """The message of the late outcome ends, its record is not stored."""
        scene.publish("a", "a")
        worker = scene.worker()
        first, second = worker.claim(least=2)
        worker.settle(Done(first, record("a", "SUCCESS")))
        assert worker.settle(Fail(second, record("a", "FAILURE"))) == []
        scene.expect_state("a", "SUCCESS")
        scene.expect_place("a", None)

    def test_parcels_are_sent_with_their_outcome(self, scene: Scene) -> None:
        """Follow-ups of every kind of ending, to whatever queue, in their order."""
        worker = scene.worker()
        for task_id, kind in ENDINGS:
            scene.publish(task_id)
            parcels = (scene.parcel("x", queue=task_id), scene.parcel("y", queue=task_id))
            worker.settle(kind(worker.take(), parcels=parcels))
            assert names(worker.claim(10, task_id)) == ["x", "y"]
        scene.publish("buried")
        worker.settle(Bury(worker.take(), parcels=(scene.parcel("z", queue="errbacks"),), reason="poison"))
        assert names(worker.claim(10, "errbacks")) == ["z"]

    @needs("delays", "caller")
    def test_the_next_attempt_waits_for_its_time(self, scene: Scene) -> None:
        """A retry's parcel has a due time and keeps it."""
        scene.publish("a")
        worker = scene.worker()
        again = scene.parcel("a", due=clock.wall() + 30)
        assert worker.turn(Retry(worker.take(), parcels=(again,))).deliveries == []
        scene.expect_place("a", "delayed")
        scene.hands.advance(31)
        assert names(worker.claim()) == ["a"]

    @needs("order", "store")
    def test_release_gives_it_back_to_its_own_place(self, scene: Scene) -> None:
        """Before everything that came after it, not at the end of the line."""
        scene.publish("a", "b", "c")
        worker = scene.worker()
        a, b = worker.claim(2, least=2)
        worker.settle(Release(b), Release(a))
        assert names(worker.claim()) == ["a", "b", "c"]

    def test_a_released_message_is_as_if_never_claimed(self, scene: Scene) -> None:
        """No counter moves, and it is not called redelivered."""
        scene.publish("a")
        worker = scene.worker()
        for _ in range(4):
            worker.settle(Release(worker.take()))
        found = worker.take()
        assert (found.deaths, found.alone, found.verdict, found.redelivered) == (0, False, "", False)

    @needs("delays", "caller")
    def test_a_parked_message_waits_and_is_offered_again(self, scene: Scene) -> None:
        """For a worker that knows its task."""
        scene.publish("a")
        one, two = scene.worker(), scene.worker()
        assert one.turn(Park(one.take(), due=clock.wall() + 60)).deliveries == []
        scene.expect_place("a", "delayed")
        scene.hands.advance(61)
        found = two.take()
        assert (found.body, found.deaths) == (b"a", 0)

    @needs("delays", "caller")
    def test_a_parked_message_tells_since_when(self, scene: Scene) -> None:
        """The first time of all: it is not offered for ever."""
        scene.publish("a")
        worker = scene.worker()
        assert worker.settle(Release(worker.take())) == []
        delivery = worker.take()
        assert delivery.parked == 0.0
        first = clock.wall()
        for _ in range(3):
            worker.settle(Park(delivery, due=clock.wall() + 60))
            scene.hands.advance(61)
            delivery = worker.take()
            assert first <= delivery.parked < first + 30

    def test_a_buried_message_is_kept_with_its_reason(self, scene: Scene) -> None:
        """It is not claimable, and a person finds everything about it."""
        scene.publish("a", priority=3)
        worker = scene.worker()
        assert worker.turn(Bury(worker.take(), reason="unreadable", detail="Traceback: x")).deliveries == []
        (item,) = scene.shelf.items("dead")
        assert (item.reason, item.detail) == ("unreadable", "Traceback: x")
        assert item.parcel == scene.parcel("a", priority=3)
        assert abs(item.died - clock.wall()) < 10

    def test_a_held_message_stays_with_its_holder(self, scene: Scene) -> None:
        """Early acknowledgement: marked, not settled; its outcome is still welcome under the same claim number."""
        scene.publish("a")
        one, two = scene.worker(), scene.worker()
        delivery = one.take()
        assert one.settle(Hold(delivery)) == []
        assert two.claim() == []
        scene.expect_place("a", "leased")
        assert one.settle(Done(delivery, record("a", "SUCCESS"))) == []
        scene.expect_state("a", "SUCCESS")

    def test_an_outcome_under_another_claim_number_is_fenced(self, scene: Scene) -> None:
        """Given back and claimed again, even by the same owner: the first claim is over."""
        scene.publish("a")
        worker = scene.worker()
        old = worker.take()
        worker.settle(Release(old))
        new = worker.take()
        late = Done(old)
        assert worker.settle(late) == [late]
        scene.expect_place("a", "leased")
        assert worker.settle(Done(new)) == []

    def test_an_outcome_of_somebody_else_is_fenced(self, scene: Scene) -> None:
        """The token is the owner and the claim number."""
        scene.publish("a")
        holder, other = scene.worker(), scene.worker()
        delivery = holder.take()
        assert len(other.settle(Done(delivery))) == 1
        assert holder.settle(Done(delivery)) == []

    def test_the_second_of_two_outcomes_is_fenced(self, scene: Scene) -> None:
        """In one turn or in two, a message is settled once."""
        scene.publish("a", "b")
        worker = scene.worker()
        a, b = worker.claim(least=2)
        first, second = Done(a, parcels=(scene.parcel("x"),)), Done(a, parcels=(scene.parcel("x"),))
        assert len(worker.settle(first, second)) == 1
        assert worker.settle(Fail(b, record("b", "FAILURE"))) == []
        assert len(worker.settle(Done(b))) == 1
        assert names(worker.claim()) == ["x"]

    def test_a_fenced_outcome_writes_nothing(self, scene: Scene) -> None:
        """Neither its record nor its parcels nor a dead letter."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        worker.settle(Done(delivery))
        late = (
            Fail(delivery, record("a", "FAILURE"), (scene.parcel("x"),)),
            Bury(delivery, record("a", "FAILURE"), (scene.parcel("x"),), reason="late"),
            Park(delivery, due=clock.wall()),
            Release(delivery),
        )
        worker.settle(*late)
        scene.expect_state("a", None)
        assert scene.shelf.find("a") + scene.shelf.find("x") == []

    def test_a_fenced_outcome_does_not_spoil_its_neighbours(self, scene: Scene) -> None:
        """Those of the same turn are settled, and the turn says which one was not."""
        scene.publish("a", "b", "c")
        worker = scene.worker()
        a, b, c = worker.claim(least=3)
        stale = Fail(msgspec.structs.replace(b, claim=b.claim + 1_000_000))
        assert worker.settle(Done(a), stale, Done(c)) == [stale]
        scene.expect_place("a", None)
        scene.expect_place("b", "leased")
        scene.expect_place("c", None)

    def test_check_tells_what_is_still_held(self, scene: Scene) -> None:
        """Each outcome by itself, and nothing is settled by asking."""
        scene.publish("a", "b", "c")
        worker, other = scene.worker(), scene.worker()
        a, b, c = worker.claim(least=3)
        worker.settle(Done(b))
        wrong = msgspec.structs.replace(c, claim=c.claim + 1_000_000)
        assert worker.consumer.check([Done(a), Done(b), Done(c), Done(wrong)]) == [True, False, True, False]
        assert other.consumer.check([Done(a)]) == [False]
        scene.expect_place("a", "leased")
