"""The state of a cluster as its events tell it: workers, tasks, counts. Celery's members.

    state = app.events.State()
    app.events.Receiver(handlers={"*": state.event}).capture()

It is bounded: the workers and tasks that were heard of least recently are forgotten.
"""

from __future__ import annotations

import bisect
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar, Self
from weakref import WeakSet, ref

from .. import states
from . import records
from .lru import LRUCache
from .records import Task, Worker, heartbeat_expires

__all__ = ["State", "Task", "Worker", "heartbeat_expires", "timetuple"]

Event = dict[str, Any]


class timetuple(tuple[Any, ...]):  # noqa: N801 - kombu's name
    """(logical clock, unix time, who, what): ordered by the clock, equal ones by who, without one by time."""

    __slots__ = ()

    def __new__(cls, clock: int | None, timestamp: float, id: Any, obj: Any = None) -> Self:
        return super().__new__(cls, (clock, timestamp, id, obj))

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        mine, theirs = self[0], other[0]
        if mine and theirs:
            return bool(mine < theirs) if mine != theirs else str(self[2]) < str(other[2])
        return (self[1] or 0.0) < (other[1] or 0.0)

    def __gt__(self, other: tuple[Any, ...]) -> bool:
        return timetuple.__lt__(timetuple(*other), self)


class _Index(defaultdict[str, "WeakSet[Task]"]):
    """Tasks by a word; called, it lists them in the order of time."""

    def __init__(self, listed: Callable[..., Any]) -> None:
        super().__init__(WeakSet)
        self._listed = listed

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._listed(*args, **kwargs)


class State:
    """What is known of a cluster.

    Args:
        callback: called with (state, event) for each event.
        workers, tasks, taskheap, tasks_by_type, tasks_by_worker: of a state that was saved.
        max_workers_in_memory, max_tasks_in_memory: how many are remembered.
        on_node_join, on_node_leave: called with a worker that is heard of first, or goes.

    Attributes:
        workers: node name -> `Worker`.
        tasks: task id -> `Task`.
        event_count: events so far.
        task_count: tasks received so far.
        handlers: group -> function of (subject, event), in the place of what this class does.

    Example:
        >>> state = State()
        >>> beat = {"type": "worker-online", "hostname": "w@h", "timestamp": 1.0, "local_received": 1.0, "freq": 2.0}
        >>> (worker, created), subject = state.event(beat)
        >>> worker.hostname, created, subject
        ('w@h', True, 'online')
    """

    Worker: ClassVar[type[records.Worker]] = Worker
    Task: ClassVar[type[records.Task]] = Task
    event_count = 0
    task_count = 0
    heap_multiplier = 4

    def __init__(
        self, callback: Callable[[State, Event], Any] | None = None, workers: Any = None, tasks: Any = None,
        taskheap: list[Any] | None = None, max_workers_in_memory: int = 5000, max_tasks_in_memory: int = 10000,
        on_node_join: Callable[[Any], Any] | None = None, on_node_leave: Callable[[Any], Any] | None = None,
        tasks_by_type: Mapping[str, list[str]] | None = None, tasks_by_worker: Mapping[str, list[str]] | None = None,
    ) -> None:  # fmt: skip
        self.event_callback = callback
        self.workers: LRUCache[str, records.Worker] = LRUCache(max_workers_in_memory) if workers is None else workers
        self.tasks: LRUCache[str, records.Task] = LRUCache(max_tasks_in_memory) if tasks is None else tasks
        self._taskheap: list[Any] = [] if taskheap is None else taskheap
        self.max_workers_in_memory = max_workers_in_memory
        self.max_tasks_in_memory = max_tasks_in_memory
        self.on_node_join = on_node_join
        self.on_node_leave = on_node_leave
        self._mutex = threading.Lock()
        self.handlers: dict[str, Callable[[str, Event], Any]] = {}
        self._seen_types: set[str] = set()
        self._tasks_to_resolve: LRUCache[str, WeakSet[records.Task]] = LRUCache(max_tasks_in_memory)
        self.rebuild_taskheap()
        self.tasks_by_type = self._index(self._tasks_by_type, tasks_by_type)
        self.tasks_by_worker = self._index(self._tasks_by_worker, tasks_by_worker)

    def _index(self, listed: Callable[..., Any], saved: Mapping[str, list[str]] | None) -> _Index:
        index = _Index(listed)
        for word, ids in (saved or {}).items():
            index[word].update(self.tasks.data[one] for one in ids if one in self.tasks.data)
        return index

    @cached_property
    def _event(self) -> Callable[[Event], Any]:
        return self._create_dispatcher()

    def event(self, event: Event) -> Any:
        """Take over what an event says.

        Returns:
            ``((worker or task, whether it is new), subject)``; None for a group that nobody knows.
        """
        with self._mutex:
            return self._event(event)

    def task_event(self, type_: str, fields: Event) -> Any:
        """The same for a task's event, without the lock."""
        return self._event({**fields, "type": f"task-{type_}"})[0]

    def worker_event(self, type_: str, fields: Event) -> Any:
        """The same for a worker's event, without the lock."""
        return self._event({**fields, "type": f"worker-{type_}"})[0]

    def _create_dispatcher(self) -> Callable[[Event], Any]:
        def dispatch(event: Event) -> Any:
            self.event_count += 1
            if self.event_callback:
                self.event_callback(self, event)
            group, _, subject = event["type"].partition("-")
            if group in self.handlers:
                return self.handlers[group](subject, event), subject
            if group == "worker" and event.keys() >= {"hostname", "timestamp", "local_received"}:
                return self._of_worker(subject, event), subject
            return (self._of_task(subject, event), subject) if group == "task" else None

        return dispatch

    def _of_worker(self, subject: str, event: Event) -> tuple[records.Worker, bool]:
        hostname, gone = event["hostname"], subject == "offline"
        worker, created = self.workers.data.get(hostname), False
        if worker is None:
            worker, created = self.Worker(hostname), not gone
            if created:
                self.workers[hostname] = worker
        worker.event(subject, event["timestamp"], event["local_received"], event)
        if self.on_node_join and (created or subject == "online"):
            self.on_node_join(worker)
        if self.on_node_leave and gone:
            self.on_node_leave(worker)
            self.workers.pop(hostname, None)
        return worker, created

    def _of_task(self, subject: str, event: Event) -> tuple[records.Task, bool]:
        uuid, hostname, timestamp = event["uuid"], event["hostname"], event["timestamp"]
        received, origin = event["local_received"], hostname
        task = self.tasks.data.get(uuid)
        created = task is None
        if task is None:
            task = self.tasks[uuid] = self.Task(uuid, cluster_state=self)
        if subject == "sent":  # by a client, not by a worker
            task.client = hostname
        else:
            worker, _ = self._seen_worker(hostname)
            task.worker = worker
            if received:
                worker.event(None, received, timestamp)
            origin = worker.id
        self._put_in_order(timetuple(event["clock"], timestamp, origin, ref(task)))
        if subject == "received":
            self.task_count += 1
        task.event(subject, timestamp, received, event)
        if task.name is not None:
            self._seen_types.add(task.name)
            if created:
                self.tasks_by_type[task.name].add(task)
                self.tasks_by_worker[hostname].add(task)
        self._relate(task, uuid)
        return task, created

    def _seen_worker(self, hostname: str) -> tuple[records.Worker, bool]:
        worker = self.workers.data.get(hostname)
        if worker is None:
            worker = self.workers[hostname] = self.Worker(hostname)
        return worker, False

    def _put_in_order(self, entry: timetuple) -> None:
        heap = self._taskheap
        if len(heap) >= self.max_tasks_in_memory * self.heap_multiplier:
            del heap[0]
        if heap and entry > heap[-1]:  # most events are later than all before
            heap.append(entry)
        else:
            bisect.insort(heap, entry)

    def _relate(self, task: records.Task, uuid: str) -> None:
        """Parent and children, whichever is heard of first."""
        if task.parent_id:
            parent = self.tasks.get(task.parent_id)
            if parent is None:
                self._add_pending_task_child(task)
            else:
                parent.children.add(task)
        for child in self._tasks_to_resolve.pop(uuid, ()):
            task.children.add(child)

    def _add_pending_task_child(self, task: records.Task) -> None:
        self._tasks_to_resolve.setdefault(task.parent_id, WeakSet()).add(task)

    def get_or_create_worker(self, hostname: str, **kwargs: Any) -> tuple[records.Worker, bool]:
        """The worker of a name, and whether it is new."""
        worker = self.workers.get(hostname)
        if worker is not None:
            worker.update(kwargs)
            return worker, False
        worker = self.workers[hostname] = self.Worker(hostname, **kwargs)
        return worker, True

    def get_or_create_task(self, uuid: str) -> tuple[records.Task, bool]:
        """The task of an id, and whether it is new."""
        task = self.tasks.get(uuid)
        if task is not None:
            return task, False
        task = self.tasks[uuid] = self.Task(uuid, cluster_state=self)
        return task, True

    def freeze_while(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function while no event changes anything; ``clear_after=True`` clears behind it."""
        clear_after = kwargs.pop("clear_after", False)
        with self._mutex:
            try:
                return fun(*args, **kwargs)
            finally:
                if clear_after:
                    self._clear()

    def clear_tasks(self, ready: bool = True) -> None:
        """Forget the tasks that have ended, or all."""
        with self._mutex:
            self._clear_tasks(ready)

    def _clear_tasks(self, ready: bool = True) -> None:
        left = {uuid: task for uuid, task in self.itertasks() if ready and task.state not in states.READY_STATES}
        self.tasks.clear()
        self.tasks.update(left)
        self._taskheap.clear()

    def _clear(self, ready: bool = True) -> None:
        self.workers.clear()
        self._clear_tasks(ready)
        self.event_count = self.task_count = 0

    def clear(self, ready: bool = True) -> None:
        """Forget everything; with ``ready`` all but the tasks that have not ended."""
        with self._mutex:
            self._clear(ready)

    def rebuild_taskheap(self, timetuple: type[timetuple] = timetuple) -> None:
        """Put the tasks in the order of time again."""
        tasks = self.tasks.values()
        self._taskheap[:] = sorted(timetuple(one.clock, one.timestamp or 0.0, one.origin, ref(one)) for one in tasks)

    def itertasks(self, limit: int | None = None) -> Iterator[tuple[str, records.Task]]:
        """Tasks with their ids, the one that was heard of least recently first."""
        yield from islice(self.tasks.items(), limit or None)

    def tasks_by_time(self, limit: int | None = None, reverse: bool = True) -> Iterator[tuple[str, records.Task]]:
        """Tasks with their ids in the order of time, the newest first."""
        seen = set()
        for entry in islice(reversed(self._taskheap) if reverse else iter(self._taskheap), 0, limit):
            task = entry[3]()
            if task is not None and task.uuid not in seen:
                seen.add(task.uuid)
                yield task.uuid, task

    tasks_by_timestamp = tasks_by_time

    def _tasks_by_type(
        self, name: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, records.Task]]:  # fmt: skip
        """Tasks of one name, in the order of time."""
        return islice(((uuid, t) for uuid, t in self.tasks_by_time(reverse=reverse) if t.name == name), 0, limit)

    def _tasks_by_worker(
        self, hostname: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, records.Task]]:  # fmt: skip
        """Tasks of one worker, in the order of time."""
        found = ((uuid, task) for uuid, task in self.tasks_by_time(reverse=reverse) if task.worker is not None)
        return islice(((uuid, task) for uuid, task in found if task.worker.hostname == hostname), 0, limit)

    def task_types(self) -> list[str]:
        """Names of all tasks that were heard of."""
        return sorted(self._seen_types)

    def alive_workers(self) -> Iterator[records.Worker]:
        """Workers that have said something lately."""
        return (worker for worker in self.workers.values() if worker.alive)

    def __repr__(self) -> str:
        return f"<State: events={self.event_count} tasks={self.task_count}>"

    def __reduce__(self) -> Any:
        return type(self), (
            self.event_callback, self.workers, self.tasks, None, self.max_workers_in_memory, self.max_tasks_in_memory,
            self.on_node_join, self.on_node_leave, _ids(self.tasks_by_type), _ids(self.tasks_by_worker),
        )  # fmt: skip


def _ids(index: _Index) -> dict[str, list[str]]:
    return {word: [str(task.id) for task in tasks] for word, tasks in index.items()}
