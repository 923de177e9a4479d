"""What a producer is promised."""

from __future__ import annotations

import pytest

from .... import clock
from ....exceptions import OperationalError, QueueFull
from ....message import Parcel
from ....outcome import Done
from ..scene import Scene, names, record


class PublishingChecks:
    """`Publisher`."""

    def test_a_message_arrives_as_it_was_sent(self, scene: Scene) -> None:
        """Head and body are opaque bytes, and the delivery says that nothing has happened to the message yet."""
        every_byte = bytes(range(256))
        scene.publisher.publish([Parcel("q", "id", "name", every_byte, every_byte[::-1], 7)])
        worker = scene.worker()
        found = worker.take()
        assert (found.queue, found.head, found.body, found.priority) == ("q", every_byte, every_byte[::-1], 7)
        assert (found.deaths, found.alone, found.verdict, found.redelivered) == (0, False, "", False)

    def test_a_message_of_megabytes_arrives(self, scene: Scene) -> None:
        """Size is not the store's business."""
        body = bytes(range(256)) * 20_000
        scene.publisher.publish([Parcel("q", "id", "name", b"{}", body)])
        assert scene.worker().take().body == body

    def test_one_id_may_be_published_twice(self, scene: Scene) -> None:
        """A task id is no key: a retry has the id of its first attempt."""
        scene.publish("same", "same")
        scene.publish("same")
        assert names(scene.worker().claim()) == ["same", "same", "same"]

    def test_a_full_queue_refuses(self, scene: Scene) -> None:
        """Up to the limit everything is taken, above it nothing."""
        scene.publisher.publish([scene.parcel("a"), scene.parcel("b")], limits={"q": 3})
        scene.publisher.publish([scene.parcel("c")], limits={"q": 3})
        with pytest.raises(QueueFull) as caught:
            scene.publisher.publish([scene.parcel("d")], limits={"q": 3})
        assert isinstance(caught.value, OperationalError)
        assert "q" in str(caught.value)

    def test_all_parcels_are_stored_or_none(self, scene: Scene) -> None:
        """A refused parcel takes the others of its call with it, whatever their queue and order."""
        with pytest.raises(QueueFull):
            scene.publisher.publish(
                [
                    scene.parcel("a", queue="wide"),
                    *map(scene.parcel, "bcd"),
                    scene.parcel("e", queue="wide"),
                ],
                limits={"q": 1},
            )
        assert scene.shelf.counts() == []

    def test_a_limit_is_for_ready_messages(self, scene: Scene) -> None:
        """Delayed and leased ones do not fill a queue."""
        later = clock.wall() + 60
        scene.publish("running", "delayed")
        worker = scene.worker()
        worker.claim()
        scene.publisher.publish([scene.parcel("x", due=later), scene.parcel("y", due=later)], limits={"q": 1})
        scene.publisher.publish([scene.parcel("ready"), scene.parcel("z", due=later)], limits={"q": 1})
        assert names(worker.claim()) == ["ready"]

    def test_a_limit_is_for_its_queue(self, scene: Scene) -> None:
        """A full queue does not stop another one."""
        scene.publish("a", "b", queue="full")
        scene.publisher.publish([scene.parcel("c")], limits={"full": 2, "q": 1})
        scene.expect_place("c", "ready")

    def test_any_name_makes_a_queue(self, scene: Scene) -> None:
        """Also one that means something to a file system, to SQL or to a pattern; nobody's messages are mixed."""
        queues = ["a/b", "a_b", "A/B", "..", ".", " ", "%", "*", "q'\";--", "ü🐝", "x" * 300, "-"]
        for queue in queues:
            scene.publish(queue, queue=queue)
        worker = scene.worker()
        assert [names(worker.claim(10, queue)) for queue in queues] == [[queue] for queue in queues]
        sleeper = scene.start_idle_worker("../q")
        scene.publish("now", queue="../q")
        assert names(scene.result(sleeper)) == ["now"]

    def test_many_messages_go_in_one_call(self, scene: Scene) -> None:
        """Published, claimed, settled and read; a store that has a bound inside works in steps within it."""
        ids = [str(number) for number in range(scene.lab.many)]
        scene.publish(*ids)
        worker = scene.worker()
        deliveries = worker.claim(len(ids))
        while len(deliveries) < len(ids) and (more := worker.claim(len(ids))):
            deliveries += more
        assert sorted(names(deliveries)) == sorted(ids)
        outcomes = [Done(delivery, record(delivery.body.decode(), "SUCCESS")) for delivery in deliveries]
        assert worker.consumer.check(outcomes) == [True] * len(ids)
        assert worker.settle(*outcomes) == []
        assert not scene.abilities.results or len(scene.backend.fetch(ids)) == len(ids)

    def test_an_empty_call_is_no_error(self, scene: Scene) -> None:
        """And changes nothing."""
        worker = scene.worker()
        turn = worker.consumer.turn([], None)
        assert (turn.deliveries, turn.fenced) == ([], [])
        assert worker.consumer.check([]) == []
        scene.publish("a")
        scene.publisher.publish([])
        assert scene.owners.rescue() == 0
        assert scene.control.revoke([]) == []
        assert scene.shelf.delete("ready", []) + scene.shelf.replay([]) == 0
        scene.backend.store([])
        scene.backend.forget([])
        scene.expect_place("a", "ready")

    def test_a_store_says_what_it_cannot_promise(self, scene: Scene) -> None:
        """In a sentence for each death; "nothing" is lost where nothing is."""
        abilities = scene.abilities
        assert all((abilities.process_death, abilities.server_death, abilities.power_loss))
        assert abilities.fence in ("store", "node", "none")
