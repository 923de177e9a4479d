"""Giving a part back: what a client opened for one question is not held for as long as the client lives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....broker import Part
from ..scene import Scene

DESCRIPTORS = Path("/dev/fd")
"""The open files of this process, on Linux and macOS."""

ROUNDS = 8


class ClosingChecks:
    """`Part.close`."""

    def test_a_closed_part_holds_nothing_open(self, scene: Scene) -> None:
        """Parts that were used and closed, twice even, leave no file of this process open, while they are still known.

        The first rounds do not count: a store may keep something for all parts of a process together.
        """
        scene.publish("a")
        closed: list[Part] = []
        sizes = []
        for _ in range(ROUNDS):
            closed += used(scene)
            for part in closed:
                part.close()
            sizes.append(len(list(DESCRIPTORS.iterdir())) if DESCRIPTORS.exists() else 0)
        assert sizes[-1] <= sizes[ROUNDS // 2], f"open files after each round of parts that were closed: {sizes}"

    def test_closing_one_part_is_nothing_to_another(self, scene: Scene) -> None:
        """What was done through it stays done, and the others of its kind go on."""
        shelf, control = scene.broker().shelf(), scene.broker().control()
        scene.publish("a", "b")
        assert control.revoke([], []) == []
        assert [count.ready for count in shelf.counts()] == [2]
        shelf.close()
        control.close()
        assert [count.ready for count in scene.shelf.counts()] == [2]
        scene.revoke("a", expires=0.0)
        scene.expect_place("a", None)


def used(scene: Scene) -> list[Any]:
    """One part of each kind but a consumer's, each used once."""
    broker = scene.broker()
    publisher, owners, control, shelf = broker.publisher(), broker.owners(), broker.control(), broker.shelf()
    publisher.publish([scene.parcel("b")])
    owners.roll()
    control.revoked(0)
    control.replies("nobody", 0.0)
    shelf.counts()
    return [publisher, owners, control, shelf]
