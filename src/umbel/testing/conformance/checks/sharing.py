"""What several processes of one machine see of one store. Real processes, really killed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from .... import clock
from ....broker import Death
from ....message import Delivery
from ....outcome import Done
from ..needs import needs
from ..neighbour import Neighbour
from ..scene import Scene, names, record

COMPUTING: Final = 5.0
"""Seconds for which a process computes."""

BEYOND: Final = 0.05
"""Seconds that a write may wait longer because of it."""

WROTE: Final = "wrote"
"""The computing process's own writes; the waits say nothing when there was not more than one a second."""

ROUNDS: Final = 3
"""A store has failed when it failed in each of them."""


class SharingChecks:
    """`Abilities.shared`."""

    def test_what_one_process_publishes_another_claims(self, scene: Scene, neighbour: Neighbour) -> None:
        """And the other way round."""
        scene.publish("a")
        assert neighbour.ask("claim", 10) == ["a"]
        neighbour.ask("publish", "q", "b")
        assert names(scene.worker().claim()) == ["b"]

    def test_processes_at_once_share_no_message(self, scene: Scene, neighbour: Neighbour, other: Neighbour) -> None:
        """Everything is done, and nothing twice."""
        ids = [str(number) for number in range(400)]
        scene.publish(*ids)
        for process in (neighbour, other):
            process.tell("drain")
        done = neighbour.answer() + other.answer()
        assert Counter(done) == Counter(ids)

    @needs("rescue", "caller")
    def test_a_killed_process_has_lost_its_work(self, scene: Scene, neighbour: Neighbour) -> None:
        """The first one who looks finds it, at once or as soon as the store notices (`Abilities.notice`)."""
        scene.publish("a", "b")
        assert neighbour.ask("claim", 10) == ["a", "b"]
        neighbour.kill()
        deadline = time.monotonic() + scene.abilities.notice
        while not (rescued := scene.owners.rescue()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert rescued == 2
        assert neighbour.nonce not in [owner.nonce for owner in scene.owners.roll()]
        assert [scene.worker().take().body for _ in "ab"] == [b"a", b"b"]

    def test_a_stopped_process_keeps_its_work(self, scene: Scene, neighbour: Neighbour) -> None:
        """It does nothing and it lives: only a supervisor may give it up."""
        scene.publish("a")
        neighbour.ask("claim", 10)
        neighbour.stop()
        assert scene.owners.rescue() == 0
        assert scene.worker().claim() == []
        neighbour.wake()
        assert neighbour.ask("settle") == {"fenced": 0, "refused": False}
        scene.expect_place("a", None)

    @needs("rescue", "caller")
    def test_a_process_that_was_given_up_settles_nothing(self, scene: Scene, neighbour: Neighbour) -> None:
        """It wakes after its work went to somebody else."""
        scene.publish("a")
        neighbour.ask("claim", 10)
        neighbour.stop()
        assert scene.owners.rescue([Death(neighbour.nonce, (), "stopped for 5 s")]) == 1
        worker = scene.worker()
        assert names(worker.claim()) == ["a"]
        neighbour.wake()
        assert neighbour.ask("settle") == {"fenced": 1, "refused": True}
        scene.expect_place("a", "leased")

    @needs("atomic", True)
    def test_a_process_killed_while_it_publishes_leaves_whole_calls(self, scene: Scene, neighbour: Neighbour) -> None:
        """All parcels of a call or none of them."""
        neighbour.tell("flood")
        deadline = time.monotonic() + 60
        while not self._flooded(scene) and time.monotonic() < deadline:
            pass
        neighbour.kill()
        stored = self._flooded(scene)
        assert stored > 0
        assert stored % 10 == 0

    def _flooded(self, scene: Scene) -> int:
        return sum(count.ready for count in scene.shelf.counts() if count.queue == "flood")

    def test_a_sleeping_process_is_woken(self, scene: Scene, neighbour: Neighbour) -> None:
        """By what another one publishes."""
        neighbour.tell("sleep", scene.lab.patience * 4)
        time.sleep(scene.lab.patience / 50)  # it should sleep by then; if not, this shows less
        scene.publish("a")
        assert scene.result(scene.start(lambda _wake: neighbour.answer())) == ["a"]

    @needs("results", True)
    def test_a_result_wakes_a_reader_in_another_process(self, scene: Scene, neighbour: Neighbour) -> None:
        neighbour.tell("watch", "a", scene.lab.patience * 4)
        assert neighbour.answer() == "watching"
        scene.backend.store([record("a", "SUCCESS")])
        assert scene.result(scene.start(lambda _wake: neighbour.answer())) is True

    def test_a_computing_process_stops_nobody(self, scene: Scene, neighbour: Neighbour) -> None:
        """One that keeps its interpreter's lock while its other thread writes holds no lock of the store meanwhile.

        Others wait at most 50 ms longer than while the same traffic goes on and nothing is held. A store that holds a
        lock does so each time; a busy machine, which takes the processor away for that long, does not.
        """
        late: list[dict[str, str]] = []
        while len(late) < ROUNDS and (not late or late[-1]):
            usual, longest = (_longest_waits(scene, neighbour, hold=hold) for hold in (False, True))
            late.append(
                {
                    name: f"{longest[name]:.3f} s instead of {usual[name]:.3f} s"
                    for name in usual.keys() - {WROTE}
                    if longest[name] > usual[name] + BEYOND
                }
            )
            late[-1].update(
                (f"{neighbour.nonce} wrote", f"{times[WROTE]:.0f} times in {COMPUTING:.0f} s")
                for times in (usual, longest)
                if times[WROTE] <= COMPUTING
            )
        assert late[-1] == {}, f"each of {ROUNDS} times: {late}"


def _longest_waits(scene: Scene, neighbour: Neighbour, *, hold: bool) -> dict[str, float]:
    """How long each kind of write waited at most while another process computed, and how often that one wrote."""
    worker, held = scene.worker(), list[Delivery]()
    writes: dict[str, Callable[[], object]] = {
        "publish": lambda: scene.publish("a"),
        "claim": lambda: held.extend(worker.claim(1)),
        "settle": lambda: worker.settle(*map(Done, held)),
        "store a result": lambda: scene.backend.store([record("a", "STARTED")]),
        "revoke": lambda: scene.revoke("a", expires=clock.wall() + 3600),
    }
    for write in writes.values():  # connections are opened before anything is measured
        write()
    neighbour.tell("compute", COMPUTING, hold)
    answer = scene.start(lambda _wake: neighbour.answer())
    longest = dict.fromkeys(writes, 0.0)
    while not answer.done():
        held.clear()
        for name, write in writes.items():
            before = time.monotonic()
            write()
            longest[name] = max(longest[name], time.monotonic() - before)
        time.sleep(0.002)
    return {**longest, WROTE: float(answer.result())}
