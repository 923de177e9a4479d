"""Bounded growth: what is removed, and what is not."""

from __future__ import annotations

from .... import clock
from ..needs import needs
from ..scene import Scene, record


class TidyingChecks:
    """`Owners.tidy`."""

    def _bury(self, scene: Scene, *task_ids: str, days: float = 1) -> None:
        worker = scene.worker()
        for task_id in task_ids:
            scene.publish(task_id)
            scene.bury(worker, worker.take())
            scene.hands.advance(days * 86400)

    def _dead(self, scene: Scene) -> list[str]:
        return [item.parcel.id for item in scene.shelf.items("dead")]

    def test_tidying_comes_to_an_end(self, scene: Scene) -> None:
        """It says how many rows it removed, and 0 when there is nothing left to do."""
        self._bury(scene, "a", "b", "c")
        assert scene.tidy(dead_count=1) == 2
        assert scene.owners.tidy({"dead_count": 1}) == 0

    def test_without_a_limit_nothing_goes(self, scene: Scene) -> None:
        """Missing or 0 means unlimited; what waits or runs is never removed."""
        self._bury(scene, "old")
        scene.publish("ready")
        scene.publish("delayed", due=clock.wall() + 1e9)
        worker = scene.worker()
        worker.take()
        scene.publish("ready")
        scene.hands.advance(1000 * 86400)
        before = scene.shelf.counts()
        assert scene.tidy() == 0
        assert scene.tidy(dead_age=0, dead_count=0, result_count=0) == 0
        assert scene.shelf.counts() == before

    def test_dead_letters_go_by_age(self, scene: Scene) -> None:
        """Counted from the death in seconds."""
        self._bury(scene, "a", "b", "c")
        scene.tidy(dead_age=1.5 * 86400)
        assert self._dead(scene) == ["c"]

    def test_dead_letters_go_by_number(self, scene: Scene) -> None:
        """The oldest first, counted over all queues."""
        self._bury(scene, *"abcde")
        scene.tidy(dead_count=2)
        assert self._dead(scene) == ["d", "e"]

    def test_expired_results_go(self, scene: Scene) -> None:
        """The others stay, and those that never expire stay longest."""
        now = clock.wall()
        scene.backend.store(
            [record("a", "SUCCESS", now + 60), record("b", "SUCCESS", now + 600), record("c", "SUCCESS")]
        )
        scene.hands.advance(61)
        assert scene.tidy() == (1 if scene.abilities.results and scene.abilities.expiry == "tidy" else 0)
        assert sorted(scene.backend.fetch(["a", "b", "c"])) == ["b", "c"]

    def test_results_go_by_number(self, scene: Scene) -> None:
        """The oldest first; a store whose server expires them keeps them until then."""
        for number in range(5):
            scene.backend.store([record(str(number), "SUCCESS")])
        bounded = scene.abilities.results and scene.abilities.expiry == "tidy"
        assert scene.tidy(result_count=2) == (3 if bounded else 0)
        left = ["3", "4"] if bounded else ["0", "1", "2", "3", "4"]
        assert sorted(scene.backend.fetch([str(number) for number in range(5)])) == left

    def test_expired_revocations_go(self, scene: Scene) -> None:
        """An entry without an expiry, and one that has not come to it, stay."""
        scene.revoke("a", expires=clock.wall() + 60)
        scene.revoke("b", expires=clock.wall() + 600)
        scene.revoke("c", expires=0.0)
        scene.hands.advance(61)
        scene.tidy()
        assert [entry.id for entry in scene.control.revoked(0)[1]] == ["b", "c"]

    @needs("notices", "kept")
    def test_old_notices_go(self, scene: Scene) -> None:
        """Broadcasts and answers that nobody took."""
        scene.control.broadcast(b"x", clock.wall() + 60)
        scene.control.reply("ticket", b"y", clock.wall() + 60)
        assert scene.tidy() == 0
        scene.hands.advance(61)
        assert scene.tidy() == 2
