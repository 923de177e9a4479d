"""Joins whose messages are elsewhere: many tasks end, and what follows waits in an outbox until it was sent."""

from __future__ import annotations

import pytest

from .... import clock
from ....backend import Joining, Letter
from ....message import Join, Parcel
from ....outcome import Member, Splice
from ....record import Record
from ..scene import Scene, record

HEAD = b'{"headers":{"id":"body"},"properties":{}}'
BODY = Parcel("q", "body", "suite.body", HEAD, b"[", 3, 7.0, (), "exchange", "key")
INSTEAD = Parcel("home", "body", "suite.body", HEAD, b"<")


def _member(task_id: str, *, join: str = "gathered", size: int = 2, failed: bool = False) -> Member:
    """Of a place that its name says."""
    value = f'["{task_id}",0]' if failed else f'"{task_id}"'
    return Member(
        join=join, id=task_id, place=ord(task_id), size=size, failed=failed, value=value.encode(),
        then=Splice(BODY, b"]"), otherwise=Splice(INSTEAD, b">"),
    )  # fmt: skip


class GatheringChecks:
    """`backend.Joining`, of a backend that is one."""

    def _store(self, scene: Scene, *, notes_sizes: bool = False) -> Joining:
        backend = scene.backend
        if not isinstance(backend, Joining) or (notes_sizes and not backend.notes_sizes):
            pytest.skip("this backend does not gather the members of joins" + " by sizes that it notes" * notes_sizes)
        return backend

    def _note(
        self, store: Joining, *members: Member, records: tuple[Record, ...] = (), outbox: str = "one"
    ) -> list[Letter]:
        """A letter is others' in a minute."""
        return store.note_members(records, members, (), outbox, clock.wall() + 60)

    def _bodies(self, letters: list[Letter]) -> list[bytes]:
        return [letter.parcel.body for letter in letters]

    def test_states_are_kept_and_the_last_member_brings_what_follows(self, scene: Scene) -> None:
        """The whole message, the values of all in its body."""
        store = self._store(scene)
        assert self._note(store, _member("b"), records=(record("b", "SUCCESS"),)) == []
        (letter,) = self._note(store, _member("a"), records=(record("a", "FAILURE"), record("c", "SUCCESS")))
        expected = Parcel("q", "body", "suite.body", HEAD, b'["a","b"]', 3, 7.0, (), "exchange", "key")
        assert letter.parcel == expected
        found = scene.backend.fetch(["a", "b", "c"])
        assert [found[name].status for name in "abc"] == ["FAILURE", "SUCCESS", "SUCCESS"]

    def test_a_failed_member_brings_the_other_message(self, scene: Scene) -> None:
        """To the queue that this one names."""
        store = self._store(scene)
        (letter,) = self._note(store, _member("a"), _member("b", failed=True))
        assert (letter.parcel.queue, letter.parcel.body) == ("home", b'<["b",0]>')

    def test_a_letter_is_in_one_answer(self, scene: Scene) -> None:
        """What another join has brought, or another member of the same, is not in it."""
        store = self._store(scene)
        assert self._bodies(self._note(store, _member("a", size=1))) == [b'["a"]']
        assert self._note(store, _member("a", size=1)) == []
        assert self._bodies(self._note(store, _member("b", join="other", size=1))) == [b'["b"]']

    def test_a_letter_that_nobody_sent_is_taken_over(self, scene: Scene) -> None:
        """When it is due, as it was; and not again before it is due again."""
        store = self._store(scene)
        letters = self._note(store, _member("a"), _member("b"))
        assert store.take_letters("one", clock.wall() + 59, clock.wall() + 100) == []
        assert store.take_letters("one", clock.wall() + 61, clock.wall() + 100) == letters
        assert store.take_letters("one", clock.wall() + 99, clock.wall() + 200) == []
        assert store.take_letters("one", clock.wall() + 101, clock.wall() + 200) == letters

    def test_what_members_send_waits_in_the_outbox_too(self, scene: Scene) -> None:
        """From the same step on, before what follows the join."""
        store = self._store(scene)
        sent = (scene.parcel("one"), scene.parcel("two"))
        letters = store.note_members((), (_member("a", size=1),), sent, "one", clock.wall() + 60)
        assert self._bodies(letters) == [b"one", b"two", b'["a"]']
        assert letters[0].parcel == sent[0]
        assert store.take_letters("one", clock.wall() + 61, clock.wall() + 100) == letters

    def test_a_letter_that_was_sent_is_gone(self, scene: Scene) -> None:
        """That one and no other."""
        store = self._store(scene)
        first, second = self._note(store, _member("a", size=1), _member("b", join="other", size=1))
        store.drop_letters("one", [first.ref])
        assert store.take_letters("one", clock.wall() + 61, clock.wall() + 100) == [second]

    def test_each_broker_has_an_outbox(self, scene: Scene) -> None:
        """Whoever serves another broker must not send it there."""
        store = self._store(scene)
        (letter,) = self._note(store, _member("a", size=1))
        assert store.take_letters("other", clock.wall() + 61, clock.wall() + 100) == []
        assert store.take_letters("one", clock.wall() + 61, clock.wall() + 100) == [letter]

    def test_a_member_need_not_know_the_size(self, scene: Scene) -> None:
        """Where whoever sent the members said it before."""
        store = self._store(scene, notes_sizes=True)
        store.open_joins([Join("gathered", 2, clock.wall() + 60), Join("other", 1)], anew=True)
        assert self._note(store, _member("b", size=0)) == []
        assert self._bodies(self._note(store, _member("a", size=0))) == [b'["a","b"]']

    def test_a_join_that_is_opened_again_stays_ended(self, scene: Scene) -> None:
        """Its members may have been sent twice; unless it is said to begin anew."""
        store = self._store(scene, notes_sizes=True)
        for anew, brought in ((True, [b'["a"]']), (False, []), (True, [b'["a"]'])):
            store.open_joins([Join("gathered", 1)], anew=anew)
            assert self._bodies(self._note(store, _member("a", size=0))) == brought
