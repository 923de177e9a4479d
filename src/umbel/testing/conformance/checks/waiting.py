"""An idle worker sleeps, and is awake at once when there is something to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from .... import clock
from ....outcome import Done, Park, Release
from ..scene import Scene, names


class WaitingChecks:
    """`Consumer.wait`. Each check lets a worker's idle loop sleep first, and then something happens elsewhere."""

    def test_nobody_waits_while_work_is_there(self, scene: Scene) -> None:
        scene.publish("a", queue="two")
        worker = scene.worker()

        def wait(wake: int) -> None:
            worker.consumer.wait(("one", "two"), scene.lab.patience * 4, wake)

        scene.result(scene.start(wait))
        assert names(worker.claim(1, "one", "two")) == ["a"]

    def test_a_wait_ends_with_its_timeout(self, scene: Scene) -> None:
        """Neither much later, nor at once as if there were work."""
        worker = scene.worker()

        def wait(wake: int) -> float:
            before = time.monotonic()
            worker.consumer.wait(("q",), timeout, wake)
            return time.monotonic() - before

        timeout = scene.lab.patience / 20
        assert scene.result(scene.start(wait)) > timeout / 2

    def test_publish_wakes_a_sleeper(self, scene: Scene) -> None:
        sleeper = scene.start_idle_worker("p", "q")
        scene.publish("a")
        assert names(scene.result(sleeper)) == ["a"]

    def test_one_of_many_sleepers_gets_the_message(self, scene: Scene) -> None:
        """And the others are still there for the next ones."""
        sleepers = [scene.start_idle_worker() for _ in range(3)]
        for task_id in "abc":
            scene.publish(task_id)
        assert sorted(names([scene.result(sleeper)[0] for sleeper in sleepers])) == ["a", "b", "c"]

    def test_a_release_wakes_a_sleeper(self, scene: Scene) -> None:
        """Work that one worker hands back is another one's at once."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        sleeper = scene.start_idle_worker()
        worker.settle(Release(delivery))
        assert names(scene.result(sleeper)) == ["a"]

    def test_a_follow_up_wakes_a_sleeper(self, scene: Scene) -> None:
        """A parcel that an outcome sends is as good as a published one."""
        scene.publish("a", queue="other")
        worker = scene.worker()
        (delivery,) = worker.claim(1, "other")
        sleeper = scene.start_idle_worker()
        worker.settle(Done(delivery, parcels=(scene.parcel("next"),)))
        assert names(scene.result(sleeper)) == ["next"]

    def test_a_rescue_wakes_a_sleeper(self, scene: Scene) -> None:
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        sleeper = scene.start_idle_worker()
        scene.report(worker, delivery)
        assert names(scene.result(sleeper)) == ["a"]

    def test_a_retirement_wakes_a_sleeper(self, scene: Scene) -> None:
        scene.publish("a")
        worker = scene.worker()
        worker.take()
        sleeper = scene.start_idle_worker()
        scene.owners.retire(worker.nonce)
        assert names(scene.result(sleeper)) == ["a"]

    def test_a_replay_wakes_a_sleeper(self, scene: Scene) -> None:
        scene.publish("a")
        worker = scene.worker()
        scene.bury(worker, worker.take())
        sleeper = scene.start_idle_worker()
        scene.shelf.replay([item.tag for item in scene.shelf.items("dead")])
        assert names(scene.result(sleeper)) == ["a"]

    def test_a_due_time_wakes_a_sleeper(self, scene: Scene) -> None:
        """One that was known when it fell asleep."""
        scene.publish("a", due=clock.wall() + scene.lab.patience * 0.06)
        assert names(scene.result(scene.start_idle_worker())) == ["a"]

    def test_a_due_time_that_came_later_wakes_a_sleeper(self, scene: Scene) -> None:
        """One that was published or parked while it slept: it must get up earlier than it planned."""
        scene.publish("b", queue="other")
        worker = scene.worker()
        (delivery,) = worker.claim(1, "other")
        sleepers = [scene.start_idle_worker(), scene.start_idle_worker("other")]
        scene.publish("a", due=clock.wall() + scene.lab.patience * 0.02)
        worker.settle(Park(delivery, due=clock.wall() + scene.lab.patience * 0.02))
        assert [names(scene.result(sleeper)) for sleeper in sleepers] == [["a"], ["b"]]

    def test_a_sleeper_is_woken_by_its_descriptor(self, scene: Scene) -> None:
        """The worker wants it for something else: a stop, a finished thread."""
        wake, ring = scene.pipe()

        def wait(_wake: int, ready: Callable[[], None]) -> None:
            worker = scene.worker()
            ready()
            worker.consumer.wait(("q",), scene.lab.patience * 4, wake)

        future = scene.start_sleeper(wait)
        os.write(ring, b"!")
        scene.result(future)
        assert os.read(wake, 10) == b"!", "the byte is the caller's, not the store's"
