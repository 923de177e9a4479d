"""Scheduler: the entries of a configuration, the next one first, and sending what is due.

    tick()   looks at the entry in front of the heap
               not its time yet      -> answers how long to sleep
               is_due says yes       -> reserve (it counts as sent), apply_entry (send), back into the heap; answers 0
               is_due says not yet   -> back into the heap for when it wants to be asked again

An entry counts as sent before it is sent, as in Celery: one whose message cannot be sent waits for its next time
instead of being tried without end.
"""

from __future__ import annotations

import copy
import heapq
import logging
import time
from calendar import timegm
from collections.abc import Callable, Mapping, MutableMapping
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .. import clock
from ..exceptions import PublishTimeout, StoreAway
from ..schedules import ParseException, crontab, evaluated
from ..schedules.zones import aware
from ..utils.time import humanize_seconds
from .entry import ScheduleEntry, SchedulingError

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.beat")

DEFAULT_MAX_INTERVAL: Final = 300
"""Seconds that a scheduler sleeps at most, unless somebody says otherwise."""

CLEANUP: Final = "celery.backend_cleanup"
PRIORITY: Final = 5
LONGEST_WAIT: Final = 30


class event_t(NamedTuple):  # noqa: N801 - Celery's name
    """A place in the heap: unix time, priority, and the entry that is to be looked at then."""

    time: float
    priority: int
    entry: Any


class Scheduler:
    """Keeps entries and sends their tasks.

    Args:
        app: the application.
        schedule: the entries, or a function that gives them; a dictionary of its own unless given.
        max_interval: seconds that it sleeps at most; else `beat_max_loop_interval`, else the class's own.
        Producer: called with the broker when the first entry is due; what it returns is the ``producer`` of every send.
        lazy: set up nothing; for those who only look.
        sync_every_tasks: write after so many tasks; else `beat_sync_every`.
        kwargs: for subclasses: what the command line says.

    Example:
        >>> class Loud(Scheduler):
        ...     def apply_entry(self, entry, producer=None):
        ...         print("due:", entry.name)
        ...         super().apply_entry(entry, producer=producer)
    """

    Entry: Any = ScheduleEntry
    """What makes an entry of its fields."""

    max_interval: Any = DEFAULT_MAX_INTERVAL
    sync_every: Any = 3 * 60
    """Seconds between two `sync`."""

    sync_every_tasks: Any = None
    logger = logger
    _last_sync: float | None = None
    _tasks_since_sync = 0

    def __init__(
        self, app: Umbel, schedule: Any = None, max_interval: float | None = None, Producer: Any = None,  # noqa: N803 - Celery's name
        lazy: bool = False, sync_every_tasks: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.app: Any = app
        self.data: Any = {} if schedule is None else schedule() if callable(schedule) else schedule
        self.max_interval = max_interval or app.conf.beat_max_loop_interval or self.max_interval
        self.Producer = Producer
        self._heap: list[event_t] | None = None
        self.old_schedulers: Any = None
        self.sync_every_tasks = app.conf.beat_sync_every if sync_every_tasks is None else sync_every_tasks
        if not lazy:
            self.setup_schedule()

    # The entries

    def get_schedule(self) -> Any:
        """Name -> entry."""
        return self.data

    def set_schedule(self, schedule: Any) -> None:
        """Put others in their place."""
        self.data = schedule

    schedule: Any = property(get_schedule, set_schedule)

    def setup_schedule(self) -> None:
        """Fill the schedule; called by the constructor."""
        self.install_default_entries(self.data)
        self.merge_inplace(self.app.conf.beat_schedule)

    def install_default_entries(self, data: Mapping[str, Any]) -> None:
        """Add the entries that every app has: the clean-up of a result store that does not do that by itself.

        umbel's result stores all do. With results in a database there may be Celery's workers, which wait to be told.
        """
        entries = {}
        results = self.app.result_url or ""
        if self.app.conf.result_expires and results.startswith("db+") and CLEANUP not in data:
            options = {"expires": 12 * 3600}
            entries[CLEANUP] = {"task": CLEANUP, "schedule": crontab("0", "4", "*"), "options": options}
        self.update_from_dict(entries)

    def add(self, **kwargs: Any) -> Any:
        """Add an entry of these fields, and return it."""
        entry = self.Entry(app=self.app, **kwargs)
        self.schedule[entry.name] = entry
        return entry

    def update_from_dict(self, dict_: Mapping[str, Any]) -> None:
        """Add entries: name -> entry, or its fields. One that cannot run is told in the log, and left out."""
        self.schedule.update(self._readable(dict_, self._maybe_entry))

    def merge_inplace(self, b: Mapping[str, Any]) -> None:
        """Make the schedule what a configuration says: others go, known ones keep when they were sent last."""
        schedule: MutableMapping[str, Any] = self.schedule
        new = self._readable(b, lambda name, fields: self.Entry(**dict(fields, name=name, app=self.app)))
        for name in set(schedule) - set(new):
            schedule.pop(name, None)
        for name, entry in new.items():
            known = schedule.get(name)
            if known:
                known.update(entry)
            else:
                schedule[name] = entry

    def _maybe_entry(self, name: str, entry: Any) -> Any:
        if isinstance(entry, self.Entry):
            entry.app = self.app
            return entry
        return self.Entry(**dict(entry, name=name, app=self.app))

    def _readable(self, given: Mapping[str, Any], make: Callable[[str, Any], Any]) -> dict[str, Any]:
        found = {}
        for name, fields in given.items():
            try:
                found[name] = make(name, fields)
            except (ValueError, TypeError, ParseException, ImportError) as error:
                logger.error("beat: The entry %s is left out, it cannot run: %s", name, error)
        return found

    # What is due

    def is_due(self, entry: Any) -> tuple[bool, float]:
        """Whether to send an entry now, and in how many seconds it is worth asking again."""
        answer: tuple[bool, float] = entry.is_due()
        return answer

    def _is_due_failed(self, entry: Any) -> tuple[bool, float]:
        again = humanize_seconds(self.max_interval)
        logger.exception("beat: Nobody knows when the entry %s runs next; asking again in %s.", entry.name, again)  # noqa: LOG004 - called by handlers
        return False, self.max_interval

    def adjust(self, n: float | None, drift: float = -0.010) -> float | None:
        """A wait, a little shorter, so that waking up takes none of the time."""
        return n + drift if n and n > 0 else n

    def _when(self, entry: Any, next_time_to_run: float, mktime: Callable[[Any], float] = timegm) -> float:
        """The unix time that is so many seconds from now."""
        now = aware(entry.default_now())
        return mktime(now.utctimetuple()) + now.microsecond / 1e6 + (self.adjust(next_time_to_run) or 0)

    def populate_heap(
        self, event_t: Callable[[float, int, Any], event_t] = event_t,
        heapify: Callable[[list[Any]], object] = heapq.heapify,
    ) -> None:  # fmt: skip
        """Put all entries into the heap anew."""
        self._heap = []
        for entry in self.schedule.values():
            try:
                due, wait = entry.is_due()
            except Exception:
                due, wait = self._is_due_failed(entry)
            self._heap.append(event_t(self._when(entry, 0 if due else wait) or 0, PRIORITY, entry))
        heapify(self._heap)

    def _number(self, wait: Any) -> float:
        """What an entry has answered, if it is a number; a schedule of somebody's own may answer None."""
        number = isinstance(wait, int | float | Decimal) and not isinstance(wait, bool)
        return float(wait if number else self.max_interval)

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        """Whether two schedules have the same entries."""
        if old_schedules is None or new_schedules is None:
            return old_schedules is new_schedules
        if set(old_schedules.keys()) != set(new_schedules.keys()):
            return False
        return all((new := new_schedules.get(name)) and new == old for name, old in old_schedules.items())

    def tick(
        self, event_t: Callable[[float, int, Any], event_t] = event_t, min: Callable[..., float] = min,
        heappop: Callable[[list[Any]], Any] = heapq.heappop,
        heappush: Callable[[list[Any], Any], object] = heapq.heappush,
    ) -> float:  # fmt: skip
        """Send one entry, if one is due.

        Returns:
            Seconds after which it is to be called again.
        """
        if self._heap is None or not self.schedules_equal(self.old_schedulers, self.schedule):
            self.old_schedulers = copy.copy(self.schedule)
            self.populate_heap()
        heap = self._heap
        if not heap:
            return float(self.max_interval)
        first = heap[0]
        entry = first[2]
        left = first[0] - self._when(entry, 0)
        if left > 0:
            return min(left, self.max_interval)
        try:
            due, wait = self.is_due(entry)
        except Exception:
            due, wait = self._is_due_failed(entry)
        taken = heappop(heap)
        if taken is not first:  # whoever was asked has put another one in front
            heappush(heap, taken)
            return min(taken[0] - self._when(taken[2], 0), self.max_interval)
        if due:
            following = self.reserve(entry)
            self.apply_entry(entry, producer=self.producer)
            heappush(heap, event_t(self._when(following, wait), first[1], following))
            return 0
        heappush(heap, event_t(self._when(entry, self._number(wait)), first[1], entry))
        return 0 if heap[0][2] is not entry else min(self.adjust(self._number(wait)), self.max_interval)

    # Sending

    def reserve(self, entry: Any) -> Any:
        """Count an entry as sent; returns what stands in its place now."""
        new = self.schedule[entry.name] = next(entry)
        return new

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send an entry's task; a failure is logged, and the next one is not kept from being sent."""
        logger.info("Scheduler: Sending due task %s (%s)", entry.name, entry.task)
        try:
            result = self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            logger.exception("Message Error: %s", error)  # noqa: TRY401 - Celery's line, which is looked for
        else:
            logger.debug("%s sent.%s", entry.task, f" id->{result.id}" if result and hasattr(result, "id") else "")

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        """Send an entry's task.

        Args:
            entry: the entry.
            producer: handed on.
            advance: count it as sent first.

        Returns:
            The handle on the result.

        Raises:
            SchedulingError: it could not be sent; the cause says why.
        """
        if advance:
            entry = self.reserve(entry)
        try:
            args, options = evaluated(entry.args, entry.kwargs), dict(entry.options or {})
            options["headers"] = {**(options.get("headers") or {}), "celery_beat_task": True}
            task = self.app.tasks.get(entry.task)
            if task is not None:
                return task.apply_async(*args, producer=producer, **options)
            return self.send_task(entry.task, *args, producer=producer, **options)
        except Exception as error:
            raise SchedulingError(f"Couldn't apply scheduled task {entry.name}: {error}") from error
        finally:
            self._tasks_since_sync += 1
            if self.should_sync():
                self._do_sync()

    def send_task(self, *args: Any, **kwargs: Any) -> Any:
        """Send a task that the app does not know, by its name."""
        return self.app.send_task(*args, **kwargs)

    @cached_property
    def connection(self) -> Any:
        """The broker."""
        return self.app.broker

    @cached_property
    def producer(self) -> Any:
        """What ``Producer`` makes of the broker once that answers; without one None: a thread has its way into it."""
        broker = self._ensure_connected()
        return None if self.Producer is None else self.Producer(broker, auto_declare=False)

    def _ensure_connected(self) -> Any:
        """The broker, as soon as it answers; so what is due at the start is not lost to a broker that starts later.

        Raises:
            StoreAway: it did not within `broker_connection_max_retries` tries.
        """
        most = self.app.conf.broker_connection_max_retries
        for tries in count(1):
            try:
                shelf = self.connection.shelf()
                try:
                    shelf.counts()
                finally:
                    shelf.close()
            except (StoreAway, PublishTimeout) as error:
                if most and tries > most:
                    raise
                wait = min(2 * tries, LONGEST_WAIT)
                logger.error("beat: Connection error: %s Trying again in %s seconds.", error, wait)
                time.sleep(wait)
            else:
                break
        return self.connection

    # Keeping

    def should_sync(self) -> bool:
        """Whether it is time to write."""
        now = clock.monotonic()
        return bool(
            not self._last_sync
            or now - self._last_sync > self.sync_every
            or (self.sync_every_tasks and self._tasks_since_sync >= self.sync_every_tasks)
        )

    def _do_sync(self) -> None:
        try:
            logger.debug("beat: Synchronizing schedule...")
            self.sync()
        finally:
            self._last_sync = clock.monotonic()
            self._tasks_since_sync = 0

    def sync(self) -> None:
        """Write what is to be kept; for subclasses."""

    def close(self) -> None:
        """Write, and let go of the broker."""
        try:
            self.sync()
        finally:
            for name in ("producer", "connection"):
                self.__dict__.pop(name, None)

    @property
    def info(self) -> str:
        """Lines for the banner; for subclasses."""
        return ""
