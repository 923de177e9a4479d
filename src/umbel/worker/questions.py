"""The questions: what ``inspect`` asks. What runs is read from the shared page and looked up in the store."""

from __future__ import annotations

import os
import resource
import tempfile
from collections import deque
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from .. import clock, loading
from ..broker import Item
from ..exceptions import DecodeError
from ..message import Envelope
from ..saferepr import saferepr
from ..serialization import decode_json
from ..withdraw import STAMP
from .control import State, inspect_command
from .rates import digest

SHOWN: Final = ("exchange", "routing_key", "rate_limit")
"""Attributes of a task that `registered` shows unless others are named."""

MOST: Final = 10_000
"""Messages that one answer looks at."""

_samples: deque[float] = deque(maxlen=1000)


def as_bool(word: str) -> bool:
    """A word of the command line.

    Raises:
        ValueError: it is neither yes nor no.

    Example:
        >>> as_bool("True"), as_bool("off")
        (True, False)
    """
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if word.lower() not in known:
        raise ValueError(f"{word!r} is neither true nor false.")
    return known[word.lower()]


@inspect_command(default_timeout=0.2)
def ping(state: State, **_: Any) -> dict[str, str]:
    """Whether it is there."""
    return {"ok": "pong"}


@inspect_command(name="clock")
def logical_clock(state: State, **_: Any) -> dict[str, int]:
    """The logical clock."""
    ticks = state.app.clock
    return {"clock": ticks.value or ticks.forward()}


@inspect_command(visible=False)
def hello(state: State, from_node: str, revoked: Any = None, **_: Any) -> dict[str, Any] | None:
    """What a Celery worker that starts wants to know of the others."""
    if from_node == state.hostname:
        return None
    return {"revoked": revoked_ids(state), "clock": state.app.clock.forward()}


@inspect_command()
def report(state: State, **_: Any) -> dict[str, str]:
    """What to put into a bug report."""
    return {"ok": state.app.report()}


@inspect_command(alias="dump_conf", args=[("with_defaults", as_bool)], signature="[with_defaults=False]")
def conf(state: State, with_defaults: bool = False, **_: Any) -> dict[str, Any]:
    """Settings, secrets left out."""
    return dict(state.app.conf.table(with_defaults=with_defaults, censored=True))


@inspect_command()
def active_queues(state: State, **_: Any) -> list[dict[str, Any]]:
    """Queues that it consumes."""
    declared = state.app.declared
    return [declared.find(queue).as_dict() for queue in state.levers.queues]


@inspect_command(alias="dump_tasks", variadic="taskinfoitems", signature="[attr1 [attr2 [... [attrN]]]]")
def registered(state: State, taskinfoitems: list[str] | None = None, builtins: bool = False, **_: Any) -> list[str]:
    """Tasks that it knows."""
    wanted = [item for item in taskinfoitems or SHOWN if not item.startswith("_")]
    found = []
    for name, task in sorted(state.app.tasks.items()):
        if builtins or not name.startswith(("celery.", "umbel.")):
            facts = {item: getattr(task, item, None) for item in wanted}
            said = " ".join(f"{item}={value}" for item, value in facts.items() if value is not None)
            found.append(f"{name} [{said}]" if said else name)
    return found


@inspect_command(alias="dump_revoked", name="revoked")
def revoked_ids(state: State, **_: Any) -> list[str]:
    """Ids that are revoked."""
    return [entry.id for entry in state.control.revoked(0)[1] if not entry.id.startswith(STAMP)]


@inspect_command()
def stats(state: State, **_: Any) -> dict[str, Any]:
    """Counters and the shape of the pool."""
    options, started = state.options, state.brood.started()
    names = {digest(name): name for name in state.app.tasks}
    return {
        "total": {names.get(number, "others"): count for number, count in started.items() if count},
        "pid": os.getpid(),
        "clock": str(logical_clock(state)["clock"]),
        "uptime": int(clock.monotonic() - state.since),
        "pool": {
            "implementation": options.pool,
            "max-concurrency": state.levers.num_processes,
            "processes": [ward.pid for ward in state.brood.wards.values()],
            "max-tasks-per-child": options.max_tasks_per_child or "N/A",
            "put-guarded-by-semaphore": False,
            "timeouts": [options.soft_time_limit or 0, options.time_limit or 0],
            "writes": "N/A",
        },
        "broker": {
            "url": state.app.shown_broker_url, "transport": state.app.shown_broker_url.partition(":")[0],
            "silent": round(state.brood.silent(clock.monotonic()), 1),
        },
        "prefetch_count": options.prefetch_multiplier * options.concurrency,
        "rusage": _usage(),
        **({"autoscaler": state.autoscaler.info()} if state.autoscaler is not None else {}),
        **state.worker.info(),
    }  # fmt: skip


def _usage() -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {name[3:]: getattr(usage, name) for name in dir(usage) if name.startswith("ru_")}


@inspect_command(alias="dump_active")
def active(state: State, safe: bool | None = False, **_: Any) -> list[dict[str, Any]]:
    """What it runs now."""
    return held(state, started=True, safe=bool(safe))


@inspect_command(alias="dump_reserved")
def reserved(state: State, **_: Any) -> list[dict[str, Any]]:
    """What it holds and has not started."""
    return held(state, started=False)


@inspect_command(alias="dump_schedule")
def scheduled(state: State, **_: Any) -> list[dict[str, Any]]:
    """What is delayed, in the queues that it consumes."""
    with closing(state.app.broker.shelf()) as shelf:
        return [
            {
                "eta": datetime.fromtimestamp(item.parcel.due, UTC).isoformat(), "priority": 6,
                "request": _described(state, item, 0.0, None, safe=False),
            }
            for queue in state.levers.queues
            for item in shelf.items("delayed", queue=queue)
        ]  # fmt: skip


@inspect_command(variadic="ids", signature="[id1 [id2 [... [idN]]]]")
def query_task(state: State, ids: list[str] | str, **_: Any) -> dict[str, Any]:
    """Where it has these tasks: active, reserved or scheduled."""
    wanted = {ids} if isinstance(ids, str) else set(ids)
    later: Iterable[dict[str, Any]] = (entry["request"] for entry in scheduled(state))
    places = (("active", active(state)), ("reserved", reserved(state)), ("scheduled", later))
    return {entry["id"]: [word, entry] for word, entries in places for entry in entries if entry["id"] in wanted}


@inspect_command()
def memsample(state: State, **_: Any) -> str:
    """Its resident memory now; `memdump` has what was sampled."""
    _samples.append(_resident())
    return _shown(_samples[-1])


@inspect_command(args=[("samples", int)], signature="[n_samples=10]")
def memdump(state: State, samples: int = 10, **_: Any) -> str:
    """The last samples of its memory, oldest first, and where it stands now."""
    chosen = list(_samples)[-samples:] if samples > 0 else []
    return "".join(f"-  {_shown(one)}\n" for one in chosen) + f"= {_shown(_resident())}\n"


@inspect_command(
    default_timeout=60.0, args=[("type", str), ("num", int), ("max_depth", int)],
    signature="[object_type=Request] [num=200 [max_depth=10]]",
)  # fmt: skip
def objgraph(state: State, num: int = 200, max_depth: int = 10, type: str = "Request", **_: Any) -> dict[str, str]:
    """A picture of objects that are not collected, and who holds them; needs the package objgraph."""
    objects = loading.symbol("objgraph:by_type")(type)[:num]
    with tempfile.NamedTemporaryFile(
        prefix="umbel-", suffix=".png", delete=False
    ) as picture:  # a name of nobody's choice
        path = picture.name
    loading.symbol("objgraph:show_backrefs")(objects, max_depth=max_depth, filename=path)
    return {"filename": path}


def _resident() -> float:
    """Resident size in bytes; the highest so far where the system does not tell."""
    try:
        return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _shown(size: float) -> str:
    return f"{size / 1024 / 1024:.2f}MB"


def held(state: State, *, started: bool, safe: bool = False) -> list[dict[str, Any]]:
    """What this worker holds, as Celery describes a request.

    Args:
        state: of the worker.
        started: what runs, or what does not.
        safe: arguments as texts, never as values.
    """
    running = {run.tag: (run, ward.pid) for ward in state.brood.wards.values() for run in ward.row.running()}
    if started and not running:
        return []
    with closing(state.app.broker.shelf()) as shelf:
        leased = shelf.items("leased", limit=MOST)
    found = []
    for item in leased:
        if item.owner == state.hostname and (item.tag in running) is started:
            run, pid = running.get(item.tag, (None, None))
            since = clock.wall() - (clock.monotonic() - run.started) if run is not None else 0.0
            found.append(_described(state, item, since, pid, safe=safe))
    return found


def _described(state: State, item: Item, started: float, pid: int | None, *, safe: bool) -> dict[str, Any]:
    args, kwargs = _arguments(state, item, safe=safe)
    return {
        "id": item.parcel.id, "name": item.parcel.name, "args": args, "kwargs": kwargs, "type": item.parcel.name,
        "hostname": state.hostname, "time_start": started or None, "acknowledged": False, "worker_pid": pid,
        "delivery_info": {
            "exchange": "", "routing_key": item.parcel.queue, "priority": item.parcel.priority,
            "redelivered": item.deaths > 0,
        },
    }  # fmt: skip


def _arguments(state: State, item: Item, *, safe: bool) -> tuple[Any, Any]:
    """As values, where they are plain JSON and the sender has described them as what they are; else as texts."""
    try:
        envelope = msgspec.json.decode(item.parcel.head, type=Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "", ""
    headers = envelope.headers
    texts = headers.argsrepr, headers.kwargsrepr
    if safe or headers.compression or envelope.content_type != "application/json":
        return texts
    try:
        args, kwargs, _ = decode_json(item.parcel.body)
    except (DecodeError, ValueError, TypeError):
        return texts
    values = args, kwargs
    hidden = texts not in (("", ""), (saferepr(tuple(args)), saferepr(kwargs)), (saferepr(args), saferepr(kwargs)))
    return texts if hidden else values
