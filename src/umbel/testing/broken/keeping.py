"""Stores that break results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ... import states
from ...adapters.memory.backend import MemoryBackend, MemoryWatch
from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.results import Results as MemoryResults
from ...outcome import Outcome
from ...record import Record
from .base import Broken


class TextDocuments(Broken, breaks="test_a_record_is_kept_as_it_was_stored"):
    """Takes a document for text."""

    class Results(MemoryResults):
        def keep(self, record: Record, now: float) -> None:
            document = record.document.decode(errors="replace").encode()
            super().keep(Record(record.id, record.status, document, record.expires), now)


class FewAtOnce(Broken, breaks="test_fetch_gives_those_that_are_there"):
    """Gives no more than ninety records at once, unless many are asked for."""

    class Backend(MemoryBackend):
        def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
            return super().fetch(ids[:90] if len(ids) < 400 else ids)


class StartedAgain(Broken, breaks="test_a_state_is_replaced_as_the_table_says"):
    """Lets no state of its own replace a retry."""

    class Results(MemoryResults):
        def keep(self, record: Record, now: float) -> None:
            stored = self.get(record.id, now)
            if stored is None or stored.status != states.RETRY or record.status in states.ALL_STATES:
                super().keep(record, now)


class LastOfACall(Broken, breaks="test_the_order_within_one_call_counts"):
    """Keeps of each id the last record of a call."""

    class Backend(MemoryBackend):
        def store(self, records: Sequence[Record]) -> None:
            super().store(list({record.id: record for record in records}.values()))


class LookThenWrite(Broken, breaks="test_a_success_survives_writers_at_once"):
    """Looks whether it may write, and writes a moment later."""

    class Backend(MemoryBackend):
        def store(self, records: Sequence[Record]) -> None:
            if len(records) != 1:
                super().store(records)
                return
            (record,) = records
            stored = self.fetch([record.id]).get(record.id)
            may = states.may_replace(stored.status if stored else None, record.status)
            time.sleep(0.001)
            if may:
                with self._store.lock:
                    self._store.results.forget([record.id])
                    super().store(records)


class ExpiredButThere(Broken, breaks="test_an_expired_record_is_not_there"):
    """Shows what has expired until it is tidied away."""

    class Results(MemoryResults):
        def get(self, task_id: str, now: float) -> Record | None:
            return self._records.get(task_id)


class ForgetAll(Broken, breaks="test_a_forgotten_record_is_gone"):
    """Forgets that it has forgotten: a success stands for ever."""

    class Results(MemoryResults):
        def __init__(self) -> None:
            super().__init__()
            self.done: set[str] = set()

        def keep(self, record: Record, now: float) -> None:
            if record.id not in self.done:
                super().keep(record, now)
            if record.status == states.SUCCESS:
                self.done.add(record.id)


class KnownForEver(Broken, breaks="test_a_stored_task_is_known"):
    """Knows a task that was forgotten."""

    class Backend(MemoryBackend):
        def forget(self, ids: Sequence[str]) -> None:
            super().forget(ids)
            self._store.notices.broadcast(",".join(ids).encode(), 0.0)

        def known(self, task_id: str) -> bool:
            forgotten = [notice.payload for notice, _ in self._store.notices.broadcasts]
            return super().known(task_id) or task_id.encode() in forgotten


class UnknownWhileDelayed(Broken, breaks="test_a_waiting_or_running_task_is_known"):
    """Knows nothing of delayed messages."""

    class Backend(MemoryBackend):
        def known(self, task_id: str) -> bool:
            return super().known(task_id) and all(e.place != "delayed" for e in self._store.entries_of({task_id}))


class QuietStore(Broken, breaks="test_a_stored_record_wakes_its_watcher"):
    """Wakes no watcher of two ids who sleeps already."""

    class Results(MemoryResults):
        def keep(self, record: Record, now: float) -> None:
            watchers, self.watchers = self.watchers, {b: ids for b, ids in self.watchers.items() if ids != {"a", "b"}}
            super().keep(record, now)
            self.watchers = watchers


class QuietSettle(Broken, breaks="test_a_settled_outcome_wakes_the_watcher_of_its_record"):
    """Wakes nobody for a record that comes with an outcome."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            watchers, self._store.results.watchers = self._store.results.watchers, {}
            settled = super()._settle(outcome, now)
            self._store.results.watchers = watchers
            return settled


class MissedBetween(Broken, breaks="test_a_record_before_the_wait_is_not_missed"):
    """Subscribes when it begins to wait."""

    class Watch(MemoryWatch):
        def wait(self, timeout: float, wake: int = -1) -> bool:
            if self._ids == {"a"}:
                self._bell.sleep(0.0)
            return super().wait(timeout, wake)


class AlwaysNews(Broken, breaks="test_a_watch_ends_with_its_timeout"):
    """Takes the end of a timeout for news."""

    class Watch(MemoryWatch):
        def wait(self, timeout: float, wake: int = -1) -> bool:
            return super().wait(timeout, wake) or (0 < timeout < 0.06)


class EverybodyWakes(Broken, breaks="test_others_results_do_not_wake"):
    """Wakes every watcher for every record."""

    class Results(MemoryResults):
        def keep(self, record: Record, now: float) -> None:
            super().keep(record, now)
            for bell in self.watchers:
                if record.id not in ("a", "b"):
                    bell.ring()


class FirstWatcher(Broken, breaks="test_every_watcher_of_an_id_is_woken"):
    """Wakes the first one who watches an id."""

    class Results(MemoryResults):
        def keep(self, record: Record, now: float) -> None:
            watchers = self.watchers
            first = [(bell, ids) for bell, ids in watchers.items() if record.id in ids][:1]
            self.watchers = dict(first)
            super().keep(record, now)
            self.watchers = watchers


class NewsForEver(Broken, breaks="test_news_is_told_once"):
    """Wakes a watcher again and again once there was something."""

    class Watch(MemoryWatch):
        told = False

        def wait(self, timeout: float, wake: int = -1) -> bool:
            self.told = self.told or super().wait(timeout, wake)
            return self.told


class DiscardNothing(Broken, breaks="test_a_discarded_id_does_not_wake"):
    """Goes on watching what was discarded."""

    class Watch(MemoryWatch):
        def discard(self, ids: Iterable[str]) -> None:
            """Nothing."""


class DeafWatcher(Broken, breaks="test_a_watcher_is_woken_by_its_descriptor"):
    """Does not look at the caller's descriptor."""

    class Watch(MemoryWatch):
        def wait(self, timeout: float, wake: int = -1) -> bool:
            return super().wait(timeout, -1)
