"""The state of a cluster is what Celery's own makes of the same events, in whatever order they come."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest

from umbel.events import State
from umbel.events.lru import LRUCache

celerys = pytest.importorskip("celery.events.state")

KINDS = ("sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected", "custom")
MORE = {
    "received": {"name": "t.add", "args": "(1,)", "kwargs": "{}", "retries": 0, "eta": None, "expires": None},
    "sent": {"name": "t.add", "args": "(1,)", "kwargs": "{}", "queue": "q", "exchange": "", "routing_key": "q"},
    "succeeded": {"result": "1", "runtime": 0.5}, "failed": {"exception": "E()", "traceback": "T"},
    "retried": {"exception": "E()", "traceback": "T"}, "rejected": {"requeue": False},
    "revoked": {"terminated": False, "signum": None, "expired": True},
}  # fmt: skip
FIELDS = tuple(name for name in celerys.Task._fields if name not in ("worker", "children", "root", "parent"))


def story(seed: int, now: float) -> list[dict[str, Any]]:
    """Events of a few workers and tasks, in no good order."""
    dice = random.Random(seed)
    told = []
    for number in range(200):
        moment = now + number * 0.01 - dice.choice((0, 0, 0, 1, 30))
        shared = {
            "timestamp": moment, "local_received": now + number * 0.01, "clock": dice.randrange(1, 150),
            "hostname": f"w{dice.randrange(3)}@h", "pid": dice.randrange(2), "utcoffset": 0,
        }  # fmt: skip
        if dice.random() < 0.2:
            kind = dice.choice(("online", "heartbeat", "heartbeat", "offline"))
            told.append({"type": f"worker-{kind}", "freq": 2.0, "active": number, "processed": 1, **shared})
        else:
            kind, uuid = dice.choice(KINDS), dice.randrange(12)
            parent = {"parent_id": str(dice.randrange(12)), "root_id": "0"} if kind in ("sent", "received") else {}
            told.append({"type": f"task-{kind}", "uuid": str(uuid), **parent, **MORE.get(kind, {}), **shared})
    return told


def told(state: Any) -> dict[str, Any]:
    """All that can be asked of a state."""
    tasks = dict(state.itertasks())
    workers = dict(state.workers.items())
    return {
        "tasks": {uuid: {name: getattr(task, name) for name in FIELDS} for uuid, task in tasks.items()},
        "workers of tasks": {uuid: task.worker and task.worker.hostname for uuid, task in tasks.items()},
        "info": {uuid: task.info(extra=["state"]) for uuid, task in tasks.items()},
        "ready": {uuid: task.ready for uuid, task in tasks.items()},
        "children": {uuid: sorted(child.uuid for child in task.children) for uuid, task in tasks.items()},
        "parents": {uuid: getattr(task.parent, "uuid", task.parent) for uuid, task in tasks.items()},
        "order": [uuid for uuid, _ in state.tasks_by_time()],
        "oldest first": [uuid for uuid, _ in state.tasks_by_timestamp(limit=9, reverse=False)],
        "by name": [uuid for uuid, _ in state.tasks_by_type("t.add")],
        "names": {name: sorted(task.uuid for task in found) for name, found in state.tasks_by_type.items()},
        "by node": {name: sorted(task.uuid for task in found) for name, found in state.tasks_by_worker.items()},
        "workers": {n: (w.pid, w.freq, w.active, w.heartbeats, w.status_string, w.id) for n, w in workers.items()},
        "alive": [worker.hostname for worker in state.alive_workers()],
        "types": state.task_types(),
        "counts": (state.event_count, state.task_count),
        "seen": (repr(state), [repr(one) for one in (*tasks.values(), *workers.values())]),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_as_celery_has_it(seed: int):
    import time

    events = story(seed, time.time())
    joined: dict[str, list[str]] = {}
    states = {}
    for name, made in (("celery", celerys.State), ("umbel", State)):
        seen = joined.setdefault(name, [])
        states[name] = made(on_node_join=lambda worker, seen=seen: seen.append(worker.hostname))
        for event in events:
            states[name].event(dict(event))
    mine, theirs = told(states["umbel"]), told(states["celery"])
    assert {name: mine[name] for name in mine} == theirs
    assert joined["umbel"] == joined["celery"]


def test_a_state_survives_a_file(tmp_path):
    """Flower keeps it on disk."""
    state = State(max_tasks_in_memory=50)
    for event in story(1, 1000.0):
        state.event(event)
    again = pickle.loads(pickle.dumps(state))
    assert set(again.tasks) == set(state.tasks)
    assert {uuid: task.state for uuid, task in again.itertasks()} == {u: t.state for u, t in state.itertasks()}
    assert again.tasks.limit == 50
    assert set(again.workers) == set(state.workers)


def test_what_has_ended_is_forgotten_on_request():
    state = State()
    for event in story(2, 1000.0):
        state.event(event)
    left = {uuid for uuid, task in state.itertasks() if not task.ready}
    assert 0 < len(left) < len(state.tasks)
    state.clear_tasks()
    assert set(state.tasks) == left
    assert state.freeze_while(lambda: "frozen", clear_after=True) == "frozen"
    assert len(state.workers) == state.event_count == 0


def test_memory_is_bounded():
    cache: LRUCache[int, int] = LRUCache(3)
    for number in range(10):
        cache[number] = number
        cache.get(7)
    assert list(cache) == [8, 9, 7]
    state = State(max_tasks_in_memory=5, max_workers_in_memory=2)
    for event in story(3, 1000.0):
        state.event(event)
    assert len(state.tasks) <= 5
    assert len(state.workers) <= 2
    assert len(state._taskheap) <= 20
