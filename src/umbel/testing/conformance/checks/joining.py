"""Joins: many messages end, and one follows."""

from __future__ import annotations

from ....outcome import Done, Fail, Member, Splice
from ..needs import needs
from ..scene import Scene, Worker, names, record


class JoiningChecks:
    """`outcome.Member`."""

    def _member(self, scene: Scene, task_id: str, size: int, place: int = 0, *, failed: bool = False) -> Member:
        then, otherwise = scene.parcel("after"), scene.parcel("instead")
        then.body, otherwise.body = b"[", b"<"
        return Member(
            join="join", id=task_id, place=place, size=size, failed=failed,
            value=(f'["{task_id}",0]' if failed else f'"{task_id}"').encode(),
            then=Splice(then, b"]"), otherwise=Splice(otherwise, b">"),
        )  # fmt: skip

    def _end(self, scene: Scene, worker: Worker, *members: Member) -> None:
        """A message for each of them ends, and brings it."""
        for member in members:
            scene.publish(member.id)
            delivery = worker.take()
            kind = Fail if member.failed else Done
            assert worker.settle(kind(delivery, record(member.id, "SUCCESS"), members=(member,))) == []

    @needs("joins", True)
    def test_the_last_member_sends_what_follows_with_all_values_in_order(self, scene: Scene) -> None:
        """Not before it; the order is that of the places."""
        worker = scene.worker()
        self._end(scene, worker, self._member(scene, "c", 3, 2), self._member(scene, "a", 3, 0))
        assert worker.claim() == []
        self._end(scene, worker, self._member(scene, "b", 3, 1))
        assert names(worker.claim()) == ['["a","b","c"]']

    @needs("joins", True)
    def test_a_member_counts_once(self, scene: Scene) -> None:
        """A task that ended twice, because its first worker was thought dead, is one member with its first value."""
        worker = scene.worker()
        self._end(scene, worker, self._member(scene, "a", 2))
        again = self._member(scene, "a", 2)
        again.value = b'"another"'
        self._end(scene, worker, again)
        assert worker.claim() == []
        self._end(scene, worker, self._member(scene, "b", 2, 1))
        assert names(worker.claim()) == ['["a","b"]']

    @needs("joins", True)
    def test_members_that_were_added_are_waited_for(self, scene: Scene) -> None:
        """Each once, whoever names it: whoever added it, itself, and in any order."""
        worker = scene.worker()
        first, second, third = (self._member(scene, name, 1, place) for place, name in enumerate("abc"))
        second.adds, first.adds, third.adds = ("b",), ("b", "c"), ("c",)
        self._end(scene, worker, second, first)
        assert worker.claim() == []
        self._end(scene, worker, third)
        assert names(worker.claim()) == ['["a","b","c"]']

    @needs("joins", True)
    def test_what_follows_is_sent_once(self, scene: Scene) -> None:
        """A member that comes after all have ended changes nothing."""
        worker = scene.worker()
        self._end(scene, worker, self._member(scene, "a", 1))
        follows = worker.take()
        assert names([follows]) == ['["a"]']
        worker.settle(Done(follows))
        self._end(scene, worker, self._member(scene, "a", 1), self._member(scene, "b", 1))
        assert worker.claim() == []

    @needs("joins", True)
    def test_a_failed_member_sends_the_other_message(self, scene: Scene) -> None:
        """When all have ended, with the value of the first of those that failed."""
        worker = scene.worker()
        self._end(
            scene, worker, self._member(scene, "a", 3, 2, failed=True), self._member(scene, "b", 3, 1, failed=True)
        )
        assert worker.claim() == []
        self._end(scene, worker, self._member(scene, "c", 3, 0))
        assert names(worker.claim()) == ['<["b",0]>']

    @needs("joins", True)
    def test_a_message_without_a_hole_follows_as_it_is(self, scene: Scene) -> None:
        """It does not ask for the values."""
        worker = scene.worker()
        member = self._member(scene, "a", 1)
        member.then.after = None
        self._end(scene, worker, member)
        assert names(worker.claim()) == ["["]

    @needs("joins", True)
    def test_a_fenced_outcome_brings_nothing_to_a_join(self, scene: Scene) -> None:
        """Whoever lost its message says nothing about it."""
        worker = scene.worker()
        scene.publish("a")
        delivery = worker.take()
        worker.settle(Done(delivery))
        late = Done(delivery, members=(self._member(scene, "a", 1),))
        assert len(worker.settle(late)) == 1
        assert worker.claim() == []
