"""What a result backend keeps, and who is woken."""

from __future__ import annotations

import os
from itertools import product
from threading import Barrier

from .... import clock
from ....outcome import Done
from ....record import Record
from ....states import ALL_STATES, may_replace
from ..scene import Scene, record

WRITTEN = (*sorted(ALL_STATES), "PROGRESS")


class KeepingChecks:
    """`Backend.store`, `fetch`, `forget`, `known`."""

    def test_a_record_is_kept_as_it_was_stored(self, scene: Scene) -> None:
        """The document is opaque bytes."""
        stored = Record("a", "SUCCESS", bytes(range(256)) * 100, float(int(clock.wall()) + 3600))
        scene.backend.store([stored])
        assert scene.opened(scene.lab.backend()).fetch(["a"]) == {"a": stored}

    def test_fetch_gives_those_that_are_there(self, scene: Scene) -> None:
        """Of many ids at once; the others are missing, not empty."""
        scene.backend.store([record(str(number), "SUCCESS") for number in range(500)])
        found = scene.backend.fetch([str(number) for number in range(400, 600)])
        assert sorted(found) == [str(number) for number in range(400, 500)]
        assert all(found[task_id] == record(task_id, "SUCCESS") for task_id in found)
        assert scene.backend.fetch([]) == {}

    def test_a_state_is_replaced_as_the_table_says(self, scene: Scene) -> None:
        """`states.may_replace`, in all pairs, an own state of a user included."""
        pairs = list(product(WRITTEN, WRITTEN))
        scene.backend.store([Record(f"{old}>{new}", old, b"old") for old, new in pairs])
        scene.backend.store([Record(f"{old}>{new}", new, b"new") for old, new in pairs])
        found = scene.backend.fetch([f"{old}>{new}" for old, new in pairs])
        for old, new in pairs:
            expected = (
                Record(f"{old}>{new}", new, b"new") if may_replace(old, new) else Record(f"{old}>{new}", old, b"old")
            )
            assert found[f"{old}>{new}"] == expected

    def test_the_order_within_one_call_counts(self, scene: Scene) -> None:
        """As if they had been stored one by one."""
        scene.backend.store([record("a", "STARTED"), record("a", "SUCCESS"), record("a", "FAILURE")])
        scene.backend.store([record("b", "STARTED"), record("b", "RETRY")])
        found = scene.backend.fetch(["a", "b"])
        assert (found["a"].status, found["b"].status) == ("SUCCESS", "RETRY")

    def test_a_success_survives_writers_at_once(self, scene: Scene) -> None:
        """Whoever comes first or last."""
        ids = [str(number) for number in range(50)]

        def write(status: str) -> None:
            backend = scene.opened(scene.lab.backend())
            together.wait(60)
            for task_id in ids:
                backend.store([record(task_id, status)])

        statuses = ("FAILURE", "SUCCESS", "STARTED", "FAILURE")
        together = Barrier(len(statuses))
        for future in [scene.start(lambda _wake, status=status: write(status)) for status in statuses]:  # type: ignore[misc]
            future.result(60)
        assert {found.status for found in scene.backend.fetch(ids).values()} == {"SUCCESS"}

    def test_an_expired_record_is_not_there(self, scene: Scene) -> None:
        """Also before anybody has tidied; 0.0 never expires."""
        scene.backend.store([record("a", "SUCCESS", clock.wall() + 60), record("b", "SUCCESS", 0.0)])
        assert sorted(scene.backend.fetch(["a", "b"])) == ["a", "b"]
        scene.hands.advance(61)
        assert sorted(scene.backend.fetch(["a", "b"])) == ["b"]

    def test_a_forgotten_record_is_gone(self, scene: Scene) -> None:
        """Those that were named, and a new run of the task begins anew."""
        scene.backend.store([record("a", "SUCCESS"), record("b", "SUCCESS")])
        scene.backend.forget(["a", "unknown"])
        assert sorted(scene.backend.fetch(["a", "b"])) == ["b"]
        scene.backend.store([record("a", "STARTED")])
        assert scene.backend.fetch(["a"])["a"].status == "STARTED"

    def test_a_stored_task_is_known(self, scene: Scene) -> None:
        """As long as its record is there; a store that cannot tell says None."""
        assert scene.backend.known("a") in (False, None)
        scene.backend.store([record("a", "SUCCESS")])
        assert scene.backend.known("a") in (True, None)
        scene.backend.forget(["a"])
        assert scene.backend.known("a") in (False, None)

    def test_a_waiting_or_running_task_is_known(self, scene: Scene) -> None:
        """So that `get()` on it waits, and on a wrong id does not wait for ever."""
        if not scene.abilities.results:
            assert scene.backend.known("elsewhere") is None
            return
        scene.one_in_every_place()
        assert [scene.backend.known(place) for place in ("ready", "delayed", "leased")] == [True] * 3
        assert scene.backend.known("nobody") is False


class WatchingChecks:
    """`Backend.watch`."""

    def test_a_stored_record_wakes_its_watcher(self, scene: Scene) -> None:
        future = scene.start_watcher("a", "b")
        scene.backend.store([record("b", "SUCCESS")])
        assert scene.result(future) is True

    def test_a_settled_outcome_wakes_the_watcher_of_its_record(self, scene: Scene) -> None:
        """In a store that keeps results, without anybody storing it again."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        future = scene.start_watcher("a")
        worker.settle(Done(delivery, record("a", "SUCCESS")))
        if not scene.abilities.results:
            scene.backend.store([record("a", "SUCCESS")])
        assert scene.result(future) is True

    def test_a_record_before_the_wait_is_not_missed(self, scene: Scene) -> None:
        """Subscribe, look, wait: what came between the look and the wait wakes at once."""
        watcher = scene.watch("a")
        assert scene.backend.fetch(["a"]) == {}
        scene.backend.store([record("a", "SUCCESS")])
        assert watcher.wait(scene.lab.patience)

    def test_a_watch_ends_with_its_timeout(self, scene: Scene) -> None:
        assert scene.watch("a").wait(scene.lab.patience / 100) is False

    def test_others_results_do_not_wake(self, scene: Scene) -> None:
        """A few times by chance, but not each time."""
        watcher = scene.watch("a")
        woken = 0
        for number in range(20):
            scene.backend.store([record(f"other {number}", "SUCCESS")])
            woken += watcher.wait(0.0)
        assert woken < 10

    def test_every_watcher_of_an_id_is_woken(self, scene: Scene) -> None:
        """A result is waited for in several places."""
        sleepers = [scene.start_watcher("a") for _ in range(3)]
        scene.backend.store([record("a", "SUCCESS")])
        assert [scene.result(sleeper) for sleeper in sleepers] == [True] * 3

    def test_news_is_told_once(self, scene: Scene) -> None:
        """A reader that has looked can sleep again."""
        watcher = scene.watch("b")
        scene.backend.store([record("b", "STARTED")])
        assert watcher.wait(scene.lab.patience)
        assert any(not watcher.wait(0.0) for _ in range(20))
        scene.backend.store([record("b", "SUCCESS")])
        assert watcher.wait(scene.lab.patience)

    def test_a_discarded_id_does_not_wake(self, scene: Scene) -> None:
        """The others still do."""
        watcher = scene.watch("a", "b")
        watcher.discard(["a", "never added"])
        woken = 0
        for _ in range(20):
            scene.backend.store([record("a", "STARTED")])
            woken += watcher.wait(0.0)
        assert woken < 10
        scene.backend.store([record("b", "SUCCESS")])
        assert watcher.wait(scene.lab.patience)

    def test_a_watcher_is_woken_by_its_descriptor(self, scene: Scene) -> None:
        """Nothing was stored, so it says False."""
        wake, ring = scene.pipe()

        future = scene.start_watcher("a", wake=wake)
        os.write(ring, b"!")
        assert scene.result(future) is False
