"""Revocations, and what workers and operators say to each other."""

from __future__ import annotations

import os
from collections.abc import Callable

from .... import clock
from ....broker import Revocation
from ....outcome import Done
from ..needs import EVERYWHERE, needs
from ..scene import Scene, names, record


class RevocationChecks:
    """`Control.revoke`, `Control.revoked`, `Turn.revision`."""

    @needs("listed", EVERYWHERE)
    def test_revoke_removes_what_is_ready(self, scene: Scene) -> None:
        """In one step, and only the ids that were named; it says which it removed."""
        scene.publish("a", "b", "a")
        assert scene.control.revoke([Revocation("a"), Revocation("unknown")]) == ["a"]
        assert names(scene.worker().claim()) == ["b"]

    @needs("listed", EVERYWHERE)
    def test_revoke_removes_what_is_delayed(self, scene: Scene) -> None:
        """It will never fall due."""
        scene.publish("a", "b", due=clock.wall() + 60)
        assert scene.control.revoke([Revocation("a")]) == ["a"]
        scene.hands.advance(61)
        assert names(scene.worker().claim()) == ["b"]

    @needs("listed", EVERYWHERE)
    def test_what_is_to_be_left_is_revoked_and_stays(self, scene: Scene) -> None:
        """The worker that gets it discards it, and does more than a removal can."""
        scene.publish("a", "b")
        scene.publish("later", due=clock.wall() + 60)
        wanted = [Revocation("a"), Revocation("b"), Revocation("later")]
        assert scene.control.revoke(wanted, (), lambda body: body != b"a") == ["a"]
        assert names(scene.worker().claim()) == ["b"]
        scene.expect_place("later", "delayed")
        assert [one.id for one in scene.control.revoked(0)[1]] == ["a", "b", "later"]

    def test_the_record_of_a_removed_message_is_stored_at_once(self, scene: Scene) -> None:
        """No worker has to look at it first."""
        scene.publish("ready")
        scene.publish("delayed", due=clock.wall() + 60)
        scene.control.revoke(
            [Revocation("ready"), Revocation("delayed")], [record("ready", "REVOKED"), record("delayed", "REVOKED")]
        )
        scene.expect_state("ready", "REVOKED")
        scene.expect_state("delayed", "REVOKED")

    def test_revoke_does_not_touch_what_runs(self, scene: Scene) -> None:
        """It is still held, and its outcome is welcome."""
        scene.publish("a")
        worker = scene.worker()
        delivery = worker.take()
        assert scene.control.revoke([Revocation("a")]) == []
        scene.expect_place("a", "leased")
        assert worker.settle(Done(delivery)) == []

    def test_the_record_of_a_running_or_unknown_task_is_not_stored(self, scene: Scene) -> None:
        """Whoever runs it writes its end."""
        scene.publish("a")
        worker = scene.worker()
        worker.take()
        scene.control.revoke([Revocation("a"), Revocation("b")], [record("a", "REVOKED"), record("b", "REVOKED")])
        scene.expect_state("a", None)
        scene.expect_state("b", None)

    def test_dead_letters_are_not_revoked(self, scene: Scene) -> None:
        """They wait for a person, not for a worker."""
        scene.publish("a")
        worker = scene.worker()
        scene.bury(worker, worker.take())
        assert scene.control.revoke([Revocation("a")]) == []
        scene.expect_place("a", "dead")

    def test_revocations_are_a_log(self, scene: Scene) -> None:
        """Revisions ascend from 0, nothing of an entry is lost, and a reader gets what came after its own revision."""
        assert scene.control.revoked(0) == (0, [])
        expires = clock.wall() + 3600
        scene.control.revoke([Revocation("a", terminate=True, signal="SIGKILL", expires=expires)])
        middle, _ = scene.control.revoked(0)
        scene.control.revoke([Revocation("b", expires=expires), Revocation("c", expires=expires)])
        newest, log = scene.control.revoked(0)
        assert [(entry.id, entry.terminate, entry.signal) for entry in log] == [
            ("a", True, "SIGKILL"), ("b", False, "SIGTERM"), ("c", False, "SIGTERM"),
        ]  # fmt: skip
        assert [entry.expires for entry in log] == [expires] * 3
        assert [entry.revision for entry in log] == sorted(entry.revision for entry in log)
        assert (log[0].revision, log[-1].revision) == (middle, newest)
        assert [entry.id for entry in scene.control.revoked(middle)[1]] == ["b", "c"]
        assert scene.control.revoked(newest) == (newest, [])

    def test_a_turn_carries_the_newest_revision(self, scene: Scene) -> None:
        """A child that is behind learns it with the next claim, and with an empty one too."""
        worker = scene.worker()
        assert worker.turn().revision == 0
        scene.control.revoke([Revocation("a"), Revocation("b")])
        newest, _ = scene.control.revoked(0)
        assert worker.revision(newest) == newest > 0

    def test_a_revision_never_goes_back(self, scene: Scene) -> None:
        """Also when all entries have expired and were tidied away."""
        worker = scene.worker()
        scene.control.revoke([Revocation("a", expires=clock.wall() + 60)])
        before = worker.revision(scene.control.revoked(0)[0])
        scene.hands.advance(61)
        scene.tidy()
        assert scene.control.revoked(0) == (before, [])
        scene.control.revoke([Revocation("b", expires=clock.wall() + 60)])
        assert worker.revision(before + 1) > before


class BroadcastChecks:
    """`Control.broadcast` to `Control.replies`. A part of its own for each side, as in a worker and a command line."""

    @needs("notices", "kept")
    def test_a_broadcast_reaches_every_listener(self, scene: Scene) -> None:
        """Once each, in order; the number tells what a listener has seen."""
        until = clock.wall() + 60
        scene.control.broadcast(b"one", until)
        scene.control.broadcast(b"two", until)
        for listener in [scene.opened(scene.broker().control()) for _ in range(2)]:
            heard = listener.broadcasts(0, 0.0)
            assert [notice.payload for notice in heard] == [b"one", b"two"]
            assert heard[0].number < heard[1].number
            assert listener.broadcasts(heard[0].number, 0.0) == heard[1:]
            assert listener.broadcasts(heard[1].number, 0.0) == []

    @needs("notices", "kept")
    def test_an_expired_broadcast_is_silent(self, scene: Scene) -> None:
        """A worker that starts later does not obey old orders."""
        scene.control.broadcast(b"old", clock.wall() + 10)
        scene.hands.advance(11)
        assert scene.control.broadcasts(0, 0.0) == []

    @needs("notices", "kept")
    def test_a_broadcast_wakes_a_listener(self, scene: Scene) -> None:
        def listen(wake: int, ready: Callable[[], None]) -> list[bytes]:
            listener = scene.opened(scene.broker().control())
            ready()
            return [notice.payload for notice in listener.broadcasts(0, scene.lab.patience * 4, wake)]

        future = scene.start_sleeper(listen)
        scene.control.broadcast(b"now", clock.wall() + 60)
        assert scene.result(future) == [b"now"]

    def test_a_listener_is_woken_by_its_descriptor(self, scene: Scene) -> None:
        """Nothing was said, so it hears nothing, but it is awake."""
        wake, ring = scene.pipe()

        def listen(_wake: int, ready: Callable[[], None]) -> object:
            listener = scene.opened(scene.broker().control())
            ready()
            return listener.broadcasts(0, scene.lab.patience * 4, wake)

        future = scene.start_sleeper(listen)
        os.write(ring, b"!")
        assert scene.result(future) == []

    def test_answers_are_taken_by_their_ticket(self, scene: Scene) -> None:
        """Each once, by the one who asked."""
        until = clock.wall() + 60
        worker = scene.opened(scene.broker().control())
        worker.reply("mine", b"one", until)
        worker.reply("theirs", b"x", until)
        worker.reply("mine", b"two", until)
        assert sorted(scene.control.replies("mine", 0.0)) == [b"one", b"two"]
        assert scene.control.replies("mine", 0.0) == []
        assert scene.control.replies("theirs", 0.0) == [b"x"]

    def test_an_expired_answer_is_gone(self, scene: Scene) -> None:
        scene.control.reply("ticket", b"late", clock.wall() + 10)
        scene.hands.advance(11)
        assert scene.control.replies("ticket", 0.0) == []

    def test_an_answer_wakes_the_one_who_asked(self, scene: Scene) -> None:
        def ask(_wake: int, ready: Callable[[], None]) -> list[bytes]:
            asker = scene.opened(scene.broker().control())
            ready()
            return asker.replies("ticket", scene.lab.patience * 4)

        future = scene.start_sleeper(ask)
        scene.control.reply("ticket", b"pong", clock.wall() + 60)
        assert scene.result(future) == [b"pong"]
