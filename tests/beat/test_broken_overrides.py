"""Each check of the suite of overrides is failed by a store that breaks what it says, seen over the memory store."""

from __future__ import annotations

import inspect
from contextlib import ExitStack

import msgspec
import pytest

from umbel.adapters.memory import MemoryBroker, MemoryStore
from umbel.adapters.memory.overrides import MemoryOverrides
from umbel.testing.conformance.overrides import Desk, OverridesSuite

CHECKS = [name for name, _ in inspect.getmembers(OverridesSuite) if name.startswith("test_")]


class Broken(MemoryOverrides):
    breaks = ""


class BeginsAtOne(Broken):
    breaks = "test_at_first_there_is_nothing"

    def edition(self):
        return super().edition() + 1


class MendsTexts(Broken):
    breaks = "test_what_was_written_is_read_by_everybody"

    def read(self):
        return [msgspec.structs.replace(one, text=one.text.replace("\\", "")) for one in super().read()]


class CountsWhatThereIs(Broken):
    breaks = "test_the_edition_grows_with_every_change"

    def edition(self):
        return len(self.read())


class OldestFirst(Broken):
    breaks = "test_they_are_read_by_name"

    def read(self):
        return sorted(super().read(), key=lambda one: one.edition)


class LastOneWins(Broken):
    breaks = "test_who_has_seen_another_one_changes_nothing"

    def change(self, name, text, seen, said, *, forget=False):
        held = {one.name: one.edition for one in self.read()}
        return super().change(name, text, held.get(name, 0), said, forget=forget)


class EverybodyWins(Broken):
    breaks = "test_of_many_at_once_one_is_taken"

    def change(self, name, text, seen, said, *, forget=False):
        super().change(name, text, seen, said, forget=forget)
        return True


class KeepsTheRemoved(Broken):
    breaks = "test_one_that_was_removed_is_gone"

    def change(self, name, text, seen, said, *, forget=False):
        return super().change(name, "" if text is None else text, seen, said, forget=forget)


class SaysNothing(Broken):
    breaks = "test_a_change_is_in_the_history"

    def change(self, name, text, seen, said, *, forget=False):
        return super().change(name, text, seen, msgspec.structs.replace(said, detail=""), forget=forget)


class NotesAreChanges(Broken):
    breaks = "test_a_note_is_in_the_history_and_changes_nothing"

    def note(self, said):
        super().note(said)
        self._scope.edition += 1


class ForgetsNothing(Broken):
    breaks = "test_what_is_forgotten_begins_anew"

    def change(self, name, text, seen, said, *, forget=False):
        return super().change(name, text, seen, said)


class OneScope(Broken):
    breaks = "test_scopes_know_nothing_of_each_other"

    def __init__(self, store, scope):
        super().__init__(store, "all")


class FreesTheLead(Broken):
    breaks = "test_who_leads_does_not_matter"

    def change(self, name, text, seen, said, *, forget=False):
        done = super().change(name, text, seen, said, forget=forget)
        self._scope.lease = None
        return done


class ClosesTheScope(Broken):
    breaks = "test_close_is_safe_to_repeat"

    def close(self):
        self._scope.overrides.clear()


def failing(kind) -> list[str]:
    """Checks that do not pass over a store of this kind."""
    found = []
    for name in CHECKS:
        broker = MemoryBroker(MemoryStore())
        broker.overrides = lambda scope, store=broker.store: kind(store, scope)
        try:
            with ExitStack() as stack:
                getattr(OverridesSuite(), name)(Desk(broker, stack))
        except Exception:  # an assertion, or what the broken store leads to
            found.append(name)
    return found


@pytest.mark.parametrize("kind", Broken.__subclasses__(), ids=lambda kind: kind.__name__)
def test_a_broken_store_fails_its_check(kind):
    assert kind.breaks in failing(kind)


def test_a_good_store_fails_none():
    assert failing(MemoryOverrides) == []


def test_every_check_has_a_store_that_fails_it():
    assert {kind.breaks for kind in Broken.__subclasses__()} == set(CHECKS)
