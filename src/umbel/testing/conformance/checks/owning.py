"""Work belongs to a live owner for as long as it lives; what becomes of it afterwards."""

from __future__ import annotations

import msgspec

from ....broker import Death
from ....message import Delivery
from ....outcome import Done, Hold, Release
from ..needs import needs
from ..scene import Scene, Worker, names, record

LOST = "WorkerLostError:"


class LivingChecks:
    """`Owners.enlist`, `retire`, `roll`: who lives, who does not, and who is refused."""

    def test_the_living_are_on_the_roll(self, scene: Scene) -> None:
        """With everything that they said about themselves."""
        one, two = scene.worker("one@suite"), scene.worker("two@suite")
        assert sorted(scene.owners.roll(), key=lambda owner: owner.node) == [one.owner, two.owner]

    @needs("rescue", "caller")
    def test_the_dead_are_not_on_the_roll(self, scene: Scene) -> None:
        """Neither the retired nor those whose death was noticed."""
        living, retired, dead = scene.worker(), scene.worker(), scene.worker()
        scene.owners.retire(retired.nonce)
        scene.lose(dead)
        assert [owner.nonce for owner in scene.owners.roll()] == [living.nonce]

    def test_a_living_owner_keeps_its_work(self, scene: Scene) -> None:
        """However long it takes: nothing expires by the length of a task."""
        scene.publish("a")
        holder, other = scene.worker(), scene.worker()
        delivery = holder.take()
        scene.hands.advance(30 * 86400)
        assert scene.owners.rescue() == 0
        assert other.claim() == []
        assert holder.settle(Done(delivery)) == []

    def test_a_closed_consumer_leaves_its_work_held(self, scene: Scene) -> None:
        """A connection may go and come again; the owner lives, so the work is its own."""
        scene.publish("a")
        worker, other = scene.worker(), scene.worker()
        delivery = worker.take()
        worker.consumer.close()
        worker.consumer.close()
        assert scene.owners.rescue() == 0
        assert other.claim() == []
        again = scene.opened(scene.broker().consumer(worker.owner))
        assert again.turn([Done(delivery)], None).fenced == []

    @needs("order", "store")
    def test_retire_gives_everything_back_at_once(self, scene: Scene) -> None:
        """To its own place, without counting and without a rescue."""
        scene.publish("a", "b", "c")
        one, two = scene.worker(), scene.worker()
        one.claim(2)
        scene.owners.retire(one.nonce)
        found = two.claim()
        assert names(found) == ["a", "b", "c"]
        assert {(d.deaths, d.alone, d.verdict) for d in found} == {(0, False, "")}

    def test_a_retired_owner_is_refused(self, scene: Scene) -> None:
        """It gets nothing and is told so."""
        scene.publish("a")
        worker = scene.worker()
        scene.owners.retire(worker.nonce)
        turn = worker.turn()
        assert (turn.refused, turn.deliveries) == (True, [])

    def test_an_owner_reported_dead_is_refused(self, scene: Scene) -> None:
        """Although its process goes on: it was stopped, given up, and woke again."""
        scene.publish("a")
        worker = scene.worker()
        scene.owners.rescue([Death(worker.nonce, (), "stopped for 5 s")])
        turn = worker.turn()
        assert (turn.refused, turn.deliveries) == (True, [])

    def test_a_living_owner_is_not_refused(self, scene: Scene) -> None:
        """While others die around it."""
        worker, other = scene.worker(), scene.worker()
        scene.lose(other)
        assert worker.turn().refused is False

    def test_outcomes_of_a_dead_owner_are_fenced(self, scene: Scene) -> None:
        """They write nothing, and the message is somebody else's."""
        scene.publish("a")
        worker, other = scene.worker(), scene.worker()
        delivery = worker.take()
        scene.lose(worker)
        late = Done(delivery, record("a", "SUCCESS"), (scene.parcel("x"),))
        assert worker.settle(late) == [late]
        scene.expect_state("a", None)
        assert names(other.claim()) == ["a"]

    def test_check_denies_a_dead_owner(self, scene: Scene) -> None:
        """It holds nothing any more."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        scene.lose(worker)
        assert worker.consumer.check([Done(delivery)]) == [False]


class RescueChecks:
    """`Owners.rescue`: whose death is counted, and what is never repeated."""

    def _taken_again(self, scene: Scene) -> tuple[Worker, Delivery]:
        worker = scene.worker()
        return worker, worker.take()

    @needs("rescue", "caller")
    def test_rescue_finds_the_dead(self, scene: Scene) -> None:
        """Without any report, and says how many messages became claimable."""
        scene.publish("a", "b", "c")
        dead, other = scene.worker(), scene.worker()
        dead.claim(2)
        assert scene.lose(dead) == 2
        assert scene.owners.rescue() == 0
        assert names(other.claim(1) + other.claim(1) + other.claim(1)) == ["a", "b", "c"]

    @needs("rescue", "caller")
    def test_rescue_takes_back_what_a_reported_owner_held(self, scene: Scene) -> None:
        """All of it, to its own place, called redelivered."""
        scene.publish("a", "b", "c")
        dead, other = scene.worker(), scene.worker()
        a, _ = dead.claim(2, least=2)
        assert scene.report(dead, a) == 2
        found = other.claim()
        assert names(found) == ["a", "b", "c"]
        assert [delivery.redelivered for delivery in found] == [True, True, False]

    def test_a_death_counts_against_what_had_started(self, scene: Scene) -> None:
        """Its deaths are told with every later delivery."""
        scene.publish("a")
        for deaths in range(3):
            worker, delivery = self._taken_again(scene)
            assert delivery.deaths == deaths
            scene.report(worker, delivery)

    def test_a_report_about_nobody_changes_nothing(self, scene: Scene) -> None:
        """A death that was reported before, or of somebody who was never here."""
        scene.publish("a")
        dead = scene.worker()
        delivery = dead.take()
        scene.report(dead, delivery)
        assert scene.report(dead, delivery) == 0
        assert scene.owners.rescue([Death(12345, (delivery.tag,), "who was that?")]) == 0
        assert scene.worker().take().deaths == 1

    @needs("rescue", "caller")
    def test_innocent_neighbours_return_untouched(self, scene: Scene) -> None:
        """What had not started is neither counted nor suspected."""
        scene.publish("guilty", "innocent")
        dead, other = scene.worker(), scene.worker()
        guilty, _ = dead.claim(least=2)
        scene.report(dead, guilty)
        innocent = next(delivery for delivery in other.claim() + other.claim() if delivery.body == b"innocent")
        assert (innocent.deaths, innocent.alone, innocent.verdict) == (0, False, "")

    def test_a_death_may_count_for_nobody(self, scene: Scene) -> None:
        """After SIGTERM or a hard limit, whatever had started."""
        scene.publish("a")
        dead, other = scene.worker(), scene.worker()
        scene.report(dead, dead.take(), counts=False)
        found = other.take()
        assert (found.deaths, found.alone, found.verdict) == (0, False, "")

    def test_three_reported_deaths_bring_a_verdict(self, scene: Scene) -> None:
        """Two do not; the third names the cause."""
        scene.publish("a")
        verdicts = []
        for _ in range(3):
            worker, delivery = self._taken_again(scene)
            verdicts.append(delivery.verdict)
            scene.report(worker, delivery)
        assert verdicts == ["", "", ""]
        assert self._taken_again(scene)[1].verdict == LOST + "killed by SIGKILL"

    def test_a_release_keeps_the_deaths(self, scene: Scene) -> None:
        """A deploy between two crashes does not acquit."""
        scene.publish("a")
        worker, delivery = self._taken_again(scene)
        scene.report(worker, delivery)
        worker, delivery = self._taken_again(scene)
        worker.settle(Release(delivery))
        assert worker.take().deaths == 1

    @needs("rescue", "caller")
    def test_a_reported_verdict_is_delivered(self, scene: Scene) -> None:
        """Hard limit, or revoked while running: whoever claims it settles it; the others run."""
        scene.publish("a", "b")
        dead, other = scene.worker(), scene.worker()
        a, _ = dead.claim(least=2)
        scene.report(dead, a, counts=False, verdicts={a.tag: "TimeLimitExceeded:5.0"})
        assert [delivery.verdict for delivery in other.claim()] == ["TimeLimitExceeded:5.0", ""]

    def test_after_an_unreported_death_each_is_claimed_alone(self, scene: Scene) -> None:
        """Nobody could say which one it was, so the next death will say it."""
        scene.publish("a", "b", "c")
        dead, other = scene.worker(), scene.worker()
        dead.claim()
        scene.lose(dead)
        claims = [other.claim() for _ in range(3)]
        assert [names(claim) for claim in claims] == [["a"], ["b"], ["c"]]
        assert all(delivery.alone and delivery.redelivered for claim in claims for delivery in claim)

    def test_an_unreported_death_counts_for_no_batch(self, scene: Scene) -> None:
        """Not even for a batch of one that was not meant to be alone."""
        scene.publish("a", "b")
        dead, other = scene.worker(), scene.worker()
        dead.claim(2)
        scene.lose(dead)
        assert [other.take().deaths for _ in range(2)] == [0, 0]
        scene.publish("c")
        dead = scene.worker()
        dead.take()
        scene.lose(dead)
        assert other.take().deaths == 0

    def test_an_unreported_death_counts_for_what_was_alone(self, scene: Scene) -> None:
        """Suspected at the first death, counted at the second, third and fourth, then judged."""
        scene.publish("a")
        seen = []
        for _ in range(4):
            worker, delivery = self._taken_again(scene)
            seen.append((delivery.deaths, delivery.alone, delivery.verdict))
            scene.lose(worker)
        assert seen == [(0, False, ""), (0, True, ""), (1, True, ""), (2, True, "")]
        verdict = self._taken_again(scene)[1].verdict
        assert verdict.startswith(LOST)
        assert verdict != LOST

    @needs("order", "store")
    def test_a_suspect_goes_before_the_others_of_its_priority(self, scene: Scene) -> None:
        """Also before older ones: whoever kills workers is found soon. The reading side shows the same order."""
        scene.publish("a", "b")
        alive, dead = scene.worker(), scene.worker()
        given_back = alive.take()
        assert names([dead.take()]) == ["b"]
        alive.settle(Release(given_back))
        scene.lose(dead)
        scene.publish("c")
        assert [item.parcel.id for item in scene.shelf.items("ready")] == ["b", "a", "c"]
        assert [names([alive.take()]) for _ in range(3)] == [["b"], ["a"], ["c"]]

    @needs("order", "store")
    def test_a_suspect_keeps_its_priority(self, scene: Scene) -> None:
        """What is more urgent goes before it."""
        scene.publish("suspect", priority=3)
        alive, dead = scene.worker(), scene.worker()
        dead.take()
        scene.lose(dead)
        scene.publish("urgent", priority=5)
        scene.publish("equal", priority=3)
        assert [names([alive.take()]) for _ in range(3)] == [["urgent"], ["suspect"], ["equal"]]

    @needs("order", "store")
    def test_a_suspect_goes_before_a_queue_that_is_named_first(self, scene: Scene) -> None:
        """The order of queues is among equals, and a suspect is none."""
        scene.publish("suspect", queue="second")
        alive, dead = scene.worker(), scene.worker()
        assert names(dead.claim(1, "second")) == ["suspect"]
        scene.lose(dead)
        scene.publish("other", queue="first")
        assert [names(alive.claim(1, "first", "second")) for _ in range(2)] == [["suspect"], ["other"]]

    @needs("order", "store")
    def test_a_suspect_does_not_keep_others_from_their_batch(self, scene: Scene) -> None:
        """Messages that lost nobody are claimed together as ever."""
        scene.publish("suspect")
        dead, other = scene.worker(), scene.worker()
        dead.take()
        scene.lose(dead)
        scene.publish("b", "c")
        assert names(other.claim()) == ["suspect"]
        assert names(other.claim()) == ["b", "c"]

    @needs("rescue", "caller")
    def test_a_held_message_fails_at_a_reported_death(self, scene: Scene) -> None:
        """Early acknowledgement: never a repeat, whether the death counts or not."""
        scene.publish("a", "b")
        dead, other = scene.worker(), scene.worker()
        a, _ = dead.claim(least=2)
        dead.settle(Hold(a))
        scene.report(dead, counts=False)
        assert [delivery.verdict for delivery in other.claim()] == [LOST + "killed by SIGKILL", ""]

    def test_a_held_message_fails_at_an_unreported_death(self, scene: Scene) -> None:
        """Nobody knows the cause, and still it is never repeated."""
        scene.publish("a")
        dead, other = scene.worker(), scene.worker()
        dead.settle(Hold(dead.take()))
        scene.lose(dead)
        assert other.take().verdict.startswith(LOST)

    def test_a_release_ends_a_hold(self, scene: Scene) -> None:
        """It never started after all: the next holder's death is an ordinary one."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        worker.settle(Hold(delivery))
        worker.settle(Release(delivery))
        again = worker.take()
        scene.report(worker, again)
        assert self._taken_again(scene)[1].verdict == ""

    def test_a_judged_message_is_settled_like_any_other(self, scene: Scene) -> None:
        """A verdict is a delivery under a claim number: fenced when it is wrong, gone when it is right."""
        scene.publish("a")
        dead, other = scene.worker(), scene.worker()
        delivery = dead.take()
        scene.report(dead, verdicts={delivery.tag: "Terminated:SIGKILL"})
        judged = other.take()
        wrong = msgspec.structs.replace(judged, claim=judged.claim + 1_000_000)
        assert len(other.settle(Done(wrong))) == 1
        assert other.settle(Done(judged)) == []
        scene.expect_place("a", None)
