"""The reading side: what an operator sees and may do."""

from __future__ import annotations

import pytest

from .... import clock
from ....broker import Item, QueueCount
from ....outcome import Done, Park
from ..needs import EVERYWHERE, needs
from ..scene import Scene, names, record


def ids(items: list[Item]) -> list[str]:
    return [item.parcel.id for item in items]


def sizes(counts: list[QueueCount]) -> list[tuple[str, int, int, int, int]]:
    return [(count.queue, count.ready, count.delayed, count.leased, count.dead) for count in counts]


class ListingChecks:
    """`Shelf.counts`, `items`, `find`."""

    def test_an_empty_store_counts_nothing(self, scene: Scene) -> None:
        """A queue without a message is not named, also when it had some."""
        scene.publish("a")
        worker = scene.worker()
        worker.settle(Done(worker.take()))
        assert scene.shelf.counts() == []

    @needs("listed", EVERYWHERE)
    def test_counts_tell_the_size_of_every_place(self, scene: Scene) -> None:
        """Of every queue, by name."""
        later = clock.wall() + 60
        scene.publish(*"vwxyz", queue="b")
        scene.publish("a", queue="a", due=later)
        worker = scene.worker()
        for delivery in worker.claim(2, "b"):
            scene.bury(worker, delivery)
        worker.claim(3, "b")
        scene.publish("r", queue="b")
        assert sizes(scene.shelf.counts()) == [("a", 0, 1, 0, 0), ("b", 1, 0, 3, 2)]

    @needs("listed", EVERYWHERE)
    def test_a_queue_tells_since_when_it_waits(self, scene: Scene) -> None:
        """The arrival of its oldest ready message; 0.0 when nothing is ready."""
        before = clock.wall()
        scene.publish("a")
        scene.hands.advance(100)
        scene.publish("b")
        worker = scene.worker()

        def oldest() -> float:
            (count,) = scene.shelf.counts()
            assert isinstance(count, QueueCount)
            return count.oldest

        assert before <= oldest() < before + 50
        worker.take()
        assert before + 100 <= oldest() < before + 150
        worker.take()
        assert oldest() == 0.0

    @needs("listed", EVERYWHERE)
    def test_items_show_everything_about_a_message(self, scene: Scene) -> None:
        """As it was sent, since when it is here, and who holds it."""
        before = clock.wall()
        scene.publish("a", priority=5)
        (ready,) = scene.shelf.items("ready")
        assert ready.parcel == scene.parcel("a", priority=5)
        assert before <= ready.stored <= clock.wall()
        assert (ready.place, ready.owner, ready.deaths, ready.reason) == ("ready", "", 0, "")
        scene.worker("holder@suite").take()
        (leased,) = scene.shelf.items("leased")
        assert (leased.place, leased.owner, leased.tag) == ("leased", "holder@suite", ready.tag)
        assert leased.parcel == ready.parcel

    @needs("listed", EVERYWHERE)
    def test_a_delayed_item_shows_when_it_is_due(self, scene: Scene) -> None:
        """Whether it was sent so or parked."""
        due = clock.wall() + 60
        scene.publish("sent", due=due)
        scene.publish("parked")
        worker = scene.worker()
        worker.settle(Park(worker.take(), due=due + 1))
        items = scene.shelf.items("delayed")
        assert [(item.parcel.id, round(item.parcel.due, 2)) for item in items] == [
            ("sent", round(due, 2)), ("parked", round(due + 1, 2)),
        ]  # fmt: skip

    @needs("listed", EVERYWHERE)
    def test_a_listing_shows_deaths(self, scene: Scene) -> None:
        """A crash is known to the operator before the third."""
        scene.publish("a")
        worker = scene.worker()
        scene.report(worker, worker.take())
        assert [item.deaths for item in scene.shelf.items("ready")] == [1]

    @needs("listed", EVERYWHERE)
    def test_items_are_of_one_place(self, scene: Scene) -> None:
        """Each message is listed in the place where it is, and in no other."""
        scene.one_in_every_place()
        for place in ("ready", "delayed", "leased", "dead"):
            assert ids(scene.shelf.items(place)) == [place]

    @needs("listed", EVERYWHERE)
    def test_items_may_be_of_one_queue(self, scene: Scene) -> None:
        scene.publish("a", queue="one")
        scene.publish("b", queue="two")
        assert ids(scene.shelf.items("ready", queue="two")) == ["b"]
        assert ids(scene.shelf.items("ready", queue="three")) == []

    @needs("listed", EVERYWHERE)
    def test_items_stand_in_the_order_in_which_they_are_taken(self, scene: Scene) -> None:
        """Ready ones by priority and age, delayed ones by due time."""
        now = clock.wall()
        scene.publish("c", "d", priority=3)
        scene.publish("a", "b", priority=5)
        scene.publish("y", due=now + 90)
        scene.publish("x", due=now + 60)
        assert ids(scene.shelf.items("ready")) == ["a", "b", "c", "d"]
        assert ids(scene.shelf.items("delayed")) == ["x", "y"]

    def test_the_newest_dead_letter_is_last(self, scene: Scene) -> None:
        """By the time of death, not of arrival."""
        scene.publish("a", "b")
        worker = scene.worker()
        a, b = worker.claim(least=2)
        scene.bury(worker, b)
        scene.hands.advance(10)
        scene.bury(worker, a)
        assert ids(scene.shelf.items("dead")) == ["b", "a"]

    @needs("listed", EVERYWHERE)
    def test_items_come_in_pages(self, scene: Scene) -> None:
        """Every message on one page, none twice, whatever the priorities; the last tag of a page asks for the next."""
        for number in range(7):
            scene.publish(str(number), priority=number % 3 * 4)
        whole = ids(scene.shelf.items("ready", queue="q"))
        seen: list[str] = []
        page = scene.shelf.items("ready", queue="q", limit=3)
        while page:
            assert len(page) <= 3
            seen += ids(page)
            page = scene.shelf.items("ready", queue="q", after=page[-1].tag, limit=3)
        assert seen == whole

    @needs("listed", EVERYWHERE)
    def test_find_gives_every_message_of_a_task(self, scene: Scene) -> None:
        """In whatever place, for instance a running attempt and the next one."""
        scene.publish("a", "b", "a")
        scene.publish("a", due=clock.wall() + 60)
        scene.worker().take()
        found = scene.shelf.find("a")
        assert ids(found) == ["a", "a", "a"]
        assert sorted(item.place for item in found) == ["delayed", "leased", "ready"]
        assert scene.shelf.find("c") == []


class RemovingChecks:
    """`Shelf.delete`, `purge`, `replay`."""

    @needs("listed", EVERYWHERE)
    def test_delete_removes_by_tag(self, scene: Scene) -> None:
        """From every place, and says how many there were."""
        scene.one_in_every_place()
        for place in ("ready", "delayed", "leased", "dead"):
            tags = [item.tag for item in scene.shelf.items(place)]
            assert scene.shelf.delete(place, [*tags, 999_999]) == 1
            assert scene.shelf.items(place) == []

    @needs("listed", EVERYWHERE)
    def test_delete_takes_only_what_is_in_that_place(self, scene: Scene) -> None:
        """A message that has moved on since it was listed is left alone."""
        scene.publish("a", "b")
        tags = [item.tag for item in scene.shelf.items("ready")]
        scene.worker().take()
        assert scene.shelf.delete("ready", tags) == 1
        scene.expect_place("a", "leased")

    @needs("listed", EVERYWHERE)
    def test_deleting_a_leased_message_fences_its_outcome(self, scene: Scene) -> None:
        """It runs on, and nothing comes of it."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        assert scene.shelf.delete("leased", [delivery.tag]) == 1
        late = Done(delivery, record("a", "SUCCESS"), (scene.parcel("x"),))
        assert worker.settle(late) == [late]
        scene.expect_state("a", None)
        scene.expect_place("x", None)

    @needs("listed", EVERYWHERE)
    def test_purge_empties_a_queue_of_what_waits(self, scene: Scene) -> None:
        """Ready and delayed; what runs, what is dead and other queues stay."""
        scene.one_in_every_place()
        scene.publish("other", queue="other")
        assert scene.shelf.purge("q") == 2
        assert sizes(scene.shelf.counts()) == [("other", 1, 0, 0, 0), ("q", 0, 0, 1, 1)]

    def test_replay_puts_dead_letters_back(self, scene: Scene) -> None:
        """Into their queue with their priority, ready to be claimed as they were sent."""
        scene.publish("a", "b", priority=4)
        worker = scene.worker()
        for delivery in worker.claim():
            scene.bury(worker, delivery)
        first = scene.shelf.items("dead")[0]
        assert scene.shelf.replay([first.tag]) == 1
        assert ids(scene.shelf.items("dead")) == ["b"]
        found = worker.take()
        assert (found.body, found.head, found.priority) == (b"a", first.parcel.head, scene.number(4))

    @needs("delays", "caller")
    def test_a_replayed_message_has_fresh_counters(self, scene: Scene) -> None:
        """Three deaths and a verdict are forgotten."""
        scene.publish("a")
        for _ in range(3):
            worker = scene.worker()
            scene.report(worker, worker.take())
        worker = scene.worker()
        worker.settle(Park(worker.take(), due=clock.wall() + 60))
        scene.hands.advance(61)
        scene.bury(worker, worker.take())
        scene.shelf.replay([item.tag for item in scene.shelf.items("dead")])
        found = worker.take()
        assert (found.deaths, found.alone, found.verdict, found.redelivered, found.parked) == (0, False, "", False, 0.0)

    def test_a_dead_letter_may_be_replayed_with_another_body(self, scene: Scene) -> None:
        """Corrected by a person."""
        scene.publish("a", "b")
        worker = scene.worker()
        for delivery in worker.claim():
            scene.bury(worker, delivery)
        tags = [item.tag for item in scene.shelf.items("dead")]
        with pytest.raises(ValueError, match="one"):
            scene.shelf.replay(tags, body=b"for which of them?")
        assert scene.shelf.replay(tags[:1], body=b"corrected") == 1
        assert names(worker.claim()) == ["corrected"]
        assert ids(scene.shelf.items("dead")) == ["b"]

    def test_only_dead_letters_are_replayed(self, scene: Scene) -> None:
        """A running message is not run twice by a wrong tag."""
        scene.publish("a")
        delivery = scene.worker().take()
        assert scene.shelf.replay([delivery.tag, 999_999]) == 0
        scene.expect_place("a", "leased")
