"""Two calls at once: one of them is first, and everybody agrees which."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from threading import Barrier
from typing import Any

from ....broker import Death, Revocation
from ....outcome import Done
from ..lab import Lab
from ..scene import Found, Scene, names

ROUNDS = 8


def both(scene: Scene, one: Callable[[], object], other: Callable[[], object], number: int) -> tuple[Any, Any]:
    """Two calls at once. Who comes last to the barrier tends to be first behind it, so they take turns."""
    moment = Barrier(2)
    futures = [scene.start(at(moment, call)) for call in ((one, other) if number % 2 else (other, one))]
    first, second = (future.result(60) for future in futures)
    return (first, second) if number % 2 else (second, first)


def at(moment: Barrier, function: Callable[[], Found]) -> Callable[[int], Found]:
    """A thread's function that waits for the others and then does its work."""

    def begin(_wake: int) -> Found:
        moment.wait(60)
        return function()

    return begin


class RacingChecks:
    """Each call is one step. (Two claims at once are in `ClaimingChecks`.)"""

    def test_publishers_at_once_lose_nothing(self, scene: Scene) -> None:
        """Every message of each is stored, once."""

        def publish(name: str) -> None:
            publisher = scene.broker().publisher()
            for number in range(25):
                publisher.publish([scene.parcel(f"{name} {number} {twin}") for twin in "ab"])
            publisher.close()
            publisher.close()

        moment = Barrier(4)
        for future in [scene.start(at(moment, partial(publish, name))) for name in "wxyz"]:
            future.result(60)
        expected = [f"{name} {number} {twin}" for name in "wxyz" for number in range(25) for twin in "ab"]
        worker, found = scene.worker(), list[str]()
        while len(found) <= len(expected) and (batch := worker.claim(500)):  # it may bring less than there is
            found += names(batch)
            worker.settle(*map(Done, batch))
        assert sorted(found) == sorted(expected)

    def test_a_message_is_settled_or_rescued(self, scene: Scene) -> None:
        """An owner that was given up wakes and settles while its work is taken back: never both, never neither."""
        for number in range(ROUNDS):
            scene.publish(f"{number}")
            worker = scene.worker()
            late = Done(worker.take(), parcels=(scene.parcel(f"after {number}", queue="next"),))
            report = Death(worker.nonce, (), "stopped for 5 s")
            fenced, _ = both(scene, partial(worker.settle, late), partial(scene.owners.rescue, [report]), number)
            scene.expect_place(f"{number}", "ready" if fenced else None)
            scene.expect_place(f"after {number}", None if fenced else "ready")
            scene.shelf.purge("q")

    def test_a_message_is_revoked_or_claimed(self, scene: Scene) -> None:
        """Whoever revokes is told whether it will run."""
        worker = scene.worker()
        for number in range(ROUNDS):
            scene.publish(f"{number}")
            revoke = partial(scene.control.revoke, [Revocation(f"{number}")])
            revoked, claimed = both(scene, revoke, worker.claim, number)
            assert revoked + names(claimed) == [f"{number}"]
            worker.settle(*map(Done, claimed))

    def test_many_may_open_a_new_store_at_once(self, scene: Scene) -> None:
        """The children of a worker start together, and on the first day there is nothing yet."""
        for _ in range(6):
            lab = scene.lab.fresh()
            try:
                moment = Barrier(4)
                for future in [scene.start(at(moment, partial(self._publish, scene, lab, name))) for name in "abcd"]:
                    future.result(60)
                with closing(lab.broker().shelf()) as shelf:
                    assert [count.ready for count in shelf.counts()] == [4]
            finally:
                lab.close()

    def _publish(self, scene: Scene, lab: Lab, name: str) -> None:
        publisher = lab.broker().publisher()
        publisher.publish([scene.parcel(name)])
        publisher.close()
