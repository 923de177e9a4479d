"""The suite of the overrides of a schedule: every store that keeps schedules passes it, ours and strangers'.

class TestMyOverrides(OverridesSuite):
    @pytest.fixture
    def broker(self):
        return open_broker("mystore://...", {})
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from ...coordinator import Candidate, Coordinator, Moment, Override, Overrides, Tick

AWKWARD = '{"entry":{"args":["ключ / \\"quoted\\" \\\\ 值",1.5]}}'
"""A text that tells a store that reads or mends what it keeps."""


class Desk:
    """The overrides of one check, and short words."""

    def __init__(self, broker: Any, stack: ExitStack) -> None:
        self._broker = broker
        self._stack = stack

    def overrides(self, scope: str = "shop") -> Overrides:
        """Once more, as another process would open them."""
        opened: Overrides = self._broker.overrides(scope)
        return self._stack.enter_context(closing(opened))

    def coordinator(self, scope: str = "shop") -> Coordinator:
        """The scope's marks and history."""
        opened: Coordinator = self._broker.coordinator(scope)
        return self._stack.enter_context(closing(opened))


def said(entry: str = "daily", detail: str = "paused", by: str = "ann@suite", at: float = 5.5) -> Moment:
    """A line of the history."""
    return Moment(entry, 0, "changed", at, detail, by, 0)


class OverridesSuite:
    """Every sentence of `umbel.coordinator.Overrides`. A subclass gives the fixture ``broker``."""

    @pytest.fixture
    def desk(self, broker: Any) -> Iterator[Desk]:
        """Overrides of the broker."""
        with ExitStack() as stack:
            yield Desk(broker, stack)

    def test_at_first_there_is_nothing(self, desk: Desk) -> None:
        """No edition, no override."""
        overrides = desk.overrides()
        assert overrides.edition() == 0
        assert overrides.read() == []

    def test_what_was_written_is_read_by_everybody(self, desk: Desk) -> None:
        """Letter for letter, with who did it and when."""
        assert desk.overrides().change("daily", AWKWARD, 0, said(by='ann "a" é@suite')) is True
        (found,) = desk.overrides().read()
        assert found == Override("daily", AWKWARD, found.edition, 5.5, 'ann "a" é@suite')

    def test_the_edition_grows_with_every_change(self, desk: Desk) -> None:
        """Of whatever entry, and when one is removed."""
        overrides, other = desk.overrides(), desk.overrides()
        seen = [other.edition()]
        overrides.change("daily", "{}", 0, said())
        seen.append(other.edition())
        overrides.change("weekly", "{}", 0, said("weekly"))
        seen.append(other.edition())
        (daily, _) = overrides.read()
        overrides.change("daily", None, daily.edition, said())
        seen.append(other.edition())
        assert seen == sorted(set(seen))

    def test_they_are_read_by_name(self, desk: Desk) -> None:
        """In one order everywhere."""
        overrides = desk.overrides()
        for name in ("b", "c", "a"):
            assert overrides.change(name, "{}", 0, said(name)) is True
        assert [one.name for one in overrides.read()] == ["a", "b", "c"]

    def test_who_has_seen_another_one_changes_nothing(self, desk: Desk) -> None:
        """Neither text, nor edition, nor history."""
        overrides = desk.overrides()
        overrides.change("daily", "one", 0, said(detail="first"))
        before, edition = overrides.read(), overrides.edition()
        assert overrides.change("daily", "two", 0, said(detail="second")) is False
        assert overrides.change("daily", None, before[0].edition + 1, said(detail="third"), forget=True) is False
        assert overrides.change("weekly", "two", 7, said("weekly")) is False
        assert (overrides.read(), overrides.edition()) == (before, edition)
        assert [one.detail for one in desk.coordinator().history("daily")] == ["first"]

    def test_of_many_at_once_one_is_taken(self, desk: Desk) -> None:
        """The others see that they were slower."""
        taken: list[bool] = []

        def change(number: int) -> None:
            with closing(desk._broker.overrides("shop")) as overrides:  # noqa: SLF001 - the desk is ours
                taken.append(overrides.change("daily", f"{number}", 0, said()))

        threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == [False] * 7 + [True]

    def test_one_that_was_removed_is_gone(self, desk: Desk) -> None:
        """And may be written anew, in an edition of its own."""
        overrides = desk.overrides()
        overrides.change("daily", "one", 0, said())
        (first,) = overrides.read()
        assert overrides.change("daily", None, first.edition, said(detail="reset")) is True
        assert desk.overrides().read() == []
        assert overrides.change("daily", "one", 0, said()) is True
        assert overrides.read()[0].edition > first.edition

    def test_a_change_is_in_the_history(self, desk: Desk) -> None:
        """Who, when, what; under no term."""
        desk.overrides().change("daily", "{}", 0, said(detail="paused until noon"))
        assert desk.coordinator().history("daily") == [said(detail="paused until noon")]

    def test_a_note_is_in_the_history_and_changes_nothing(self, desk: Desk) -> None:
        """Beside what happened before."""
        overrides = desk.overrides()
        overrides.change("daily", "{}", 0, said(detail="edited"))
        edition = overrides.edition()
        overrides.note(said(detail="run by hand", at=7.0))
        assert [one.detail for one in desk.coordinator().history("daily")] == ["run by hand", "edited"]
        assert overrides.edition() == edition

    def test_what_is_forgotten_begins_anew(self, desk: Desk) -> None:
        """Its mark and history are gone, those of others and the line that says so are not."""
        coordinator, overrides = desk.coordinator(), desk.overrides()
        term = coordinator.lead(Candidate(1, "one@suite"), None, 1.0).term
        coordinator.fire(term, [Tick(name, 0, 10, "sent", 5.0) for name in ("daily", "weekly")])
        overrides.change("daily", "{}", 0, said())
        (held,) = overrides.read()
        assert overrides.change("daily", None, held.edition, said("", "daily: removed"), forget=True) is True
        assert [*coordinator.look().marks] == ["weekly"]
        assert coordinator.history("daily") == []
        assert len(coordinator.history("weekly")) == 1
        assert coordinator.history("")[0].detail == "daily: removed"

    def test_scopes_know_nothing_of_each_other(self, desk: Desk) -> None:
        """Neither texts nor editions."""
        desk.overrides("shop").change("daily", "one", 0, said())
        bank = desk.overrides("bank")
        assert (bank.edition(), bank.read()) == (0, [])
        assert bank.change("daily", "two", 0, said()) is True
        assert [one.text for one in desk.overrides("shop").read()] == ["one"]

    def test_who_leads_does_not_matter(self, desk: Desk) -> None:
        """A change of the leader keeps them, and they keep him."""
        overrides, coordinator = desk.overrides(), desk.coordinator()
        overrides.change("daily", "one", 0, said())
        lease = coordinator.lead(Candidate(1, "one@suite"), None, 1.0)
        overrides.change("daily", "two", overrides.read()[0].edition, said())
        assert coordinator.look().lease == lease
        coordinator.lead(Candidate(2, "two@suite"), lease, 2.0)
        assert [one.text for one in overrides.read()] == ["two"]

    def test_close_is_safe_to_repeat(self, desk: Desk) -> None:
        """And what was changed stays."""
        overrides = desk.overrides()
        overrides.change("daily", "one", 0, said())
        overrides.close()
        overrides.close()
        assert [one.text for one in desk.overrides().read()] == ["one"]
