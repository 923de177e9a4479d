"""Stores that break housekeeping."""

from __future__ import annotations

from ...adapters.memory.entry import Entry
from ...adapters.memory.notices import Notices as MemoryNotices
from ...adapters.memory.owners import MemoryOwners
from ...adapters.memory.results import Results as MemoryResults
from .base import Broken


class UncountedRows(Broken, breaks="test_tidying_comes_to_an_end"):
    """Says of two dead letters that it removed one."""

    class Owners(MemoryOwners):
        def tidy(self, limits: dict[str, float]) -> int:
            before = len(self._store.entries_in("dead"))
            removed = super().tidy(limits)
            return removed - 1 if before == 3 and limits.get("dead_count") else removed


class OldIsGone(Broken, breaks="test_without_a_limit_nothing_goes"):
    """Takes no limit for a year."""

    class Owners(MemoryOwners):
        def _surplus_dead(self, now: float, limits: dict[str, float]) -> list[Entry]:
            return super()._surplus_dead(now, {**limits, "dead_age": limits.get("dead_age") or 365 * 86400})


class AgeOfTheMessage(Broken, breaks="test_dead_letters_go_by_age"):
    """Takes days for the unit of an age."""

    class Owners(MemoryOwners):
        def _surplus_dead(self, now: float, limits: dict[str, float]) -> list[Entry]:
            return super()._surplus_dead(now, {**limits, "dead_age": limits.get("dead_age", 0) / 86400})


class NewestGo(Broken, breaks="test_dead_letters_go_by_number"):
    """Removes the newest dead letters."""

    class Owners(MemoryOwners):
        def _surplus_dead(self, now: float, limits: dict[str, float]) -> list[Entry]:
            surplus = super()._surplus_dead(now, limits)
            newest = sorted(self._store.entries_in("dead"), key=lambda entry: -entry.died)
            return newest[: len(surplus)] if limits.get("dead_count") else surplus


class ResultsStay(Broken, breaks="test_expired_results_go"):
    """Hides expired results and keeps them for ever."""

    class Results(MemoryResults):
        def surplus(self, now: float, most: int) -> list[str]:
            return super().surplus(0.0, most)


class NewestResultsGo(Broken, breaks="test_results_go_by_number"):
    """Removes the newest results."""

    class Results(MemoryResults):
        def surplus(self, now: float, most: int) -> list[str]:
            return list(self._records)[most:] if most else super().surplus(now, most)


class RevocationsForgotten(Broken, breaks="test_expired_revocations_go"):
    """Takes no expiry for one that is over."""

    class Notices(MemoryNotices):
        def tidy(self, now: float) -> int:
            removed = super().tidy(now)
            self.revocations = [entry for entry in self.revocations if entry.expires]
            return removed


class NoticesStay(Broken, breaks="test_old_notices_go"):
    """Keeps the answers that nobody took."""

    class Notices(MemoryNotices):
        def tidy(self, now: float) -> int:
            replies = {ticket: list(answers) for ticket, answers in self.replies.items()}
            removed = super().tidy(now)
            kept = sum(map(len, replies.values())) - sum(map(len, self.replies.values()))
            self.replies.update(replies)
            return removed - kept
