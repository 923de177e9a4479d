"""What is known of one worker, and of one task, from their events. Celery's members."""

from __future__ import annotations

import bisect
import builtins
import logging
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar, Final
from weakref import WeakSet

from .. import clock, states

logger = logging.getLogger("umbel.events")

HEARTBEAT_EXPIRE_WINDOW: Final = 200
"""Per cent of its interval after which a heartbeat is too old."""

HEARTBEAT_DRIFT_MAX: Final = 16
"""Seconds by which two clocks may differ before the log says so."""

TASK_EVENT_TO_STATE: Final = {
    "sent": states.PENDING, "received": states.RECEIVED, "started": states.STARTED, "failed": states.FAILURE,
    "retried": states.RETRY, "succeeded": states.SUCCESS, "revoked": states.REVOKED, "rejected": states.REJECTED,
}  # fmt: skip

_drifting: set[str] = set()
_unknown: Any = None


def heartbeat_expires(
    timestamp: Any, freq: Any = 60, expire_window: builtins.float = HEARTBEAT_EXPIRE_WINDOW, Decimal: Any = None,  # noqa: N803
    float: Any = float, isinstance: Any = isinstance,
) -> builtins.float:  # fmt: skip
    """Unix time at which a heartbeat of that moment is too old."""
    moment: builtins.float = float(timestamp) + float(freq) * expire_window / 100
    return moment


class Worker:
    """What is known of one worker."""

    heartbeat_max: ClassVar[int] = 4
    expire_window: ClassVar[int] = HEARTBEAT_EXPIRE_WINDOW
    _fields: ClassVar[tuple[str, ...]] = (
        "hostname", "pid", "freq", "heartbeats", "clock", "active", "processed", "loadavg", "sw_ident", "sw_ver",
        "sw_sys",
    )  # fmt: skip

    def __init__(
        self, hostname: str | None = None, pid: int | None = None, freq: float = 60,
        heartbeats: list[float] | None = None, clock: int = 0, active: int | None = None, processed: int | None = None,
        loadavg: Any = None, sw_ident: str | None = None, sw_ver: str | None = None, sw_sys: str | None = None,
    ) -> None:  # fmt: skip
        self.hostname = hostname
        self.pid = pid
        self.freq = freq
        self.heartbeats = heartbeats if heartbeats is not None else []
        self.clock = clock or 0
        self.active = active
        self.processed = processed
        self.loadavg = loadavg
        self.sw_ident = sw_ident
        self.sw_ver = sw_ver
        self.sw_sys = sw_sys

    def event(
        self, type_: str | None, timestamp: float | None = None, local_received: float | None = None,
        fields: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Take over what an event says."""
        self.update(fields or {})
        if type_ == "offline":
            self.heartbeats.clear()
        elif timestamp and local_received:
            self._beat(timestamp, local_received)

    def _beat(self, timestamp: float, received: float) -> None:
        drift = abs(int(received) - int(timestamp))
        if drift > HEARTBEAT_DRIFT_MAX and self.hostname not in _drifting and len(_drifting) < 1000:
            _drifting.add(str(self.hostname))
            logger.warning("The clock of %s differs from this one by %d s", self.hostname, drift)
        del self.heartbeats[: 1 - self.heartbeat_max]
        bisect.insort(self.heartbeats, received)

    def update(self, f: dict[str, Any], **kw: Any) -> None:
        """Set attributes."""
        for name, value in {**f, **kw}.items():
            setattr(self, name, value)

    @property
    def heartbeat_expires(self) -> float:
        """Unix time at which it is taken for dead unless it says something."""
        return heartbeat_expires(self.heartbeats[-1], self.freq, self.expire_window)

    @property
    def alive(self) -> bool:
        """Whether it has said something lately."""
        return bool(self.heartbeats) and clock.wall() < self.heartbeat_expires

    @property
    def status_string(self) -> str:
        """ONLINE or OFFLINE."""
        return "ONLINE" if self.alive else "OFFLINE"

    @property
    def id(self) -> str:
        """Node name and process id."""
        return f"{self.hostname}.{self.pid}"

    def __eq__(self, other: object) -> bool:
        return self.hostname == other.hostname if isinstance(other, Worker) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hostname)

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname} ({self.status_string} clock:{self.clock})"

    def __reduce__(self) -> Any:
        return type(self), tuple(getattr(self, name) for name in self._fields)


class Task:
    """What is known of one task."""

    name = received = sent = started = succeeded = failed = retried = revoked = rejected = args = kwargs = _unknown
    eta = expires = retries = result = exception = timestamp = runtime = traceback = exchange = routing_key = _unknown
    worker = root_id = parent_id = client = _unknown
    state: str = states.PENDING
    clock = 0

    _fields: ClassVar[tuple[str, ...]] = (
        "uuid", "name", "state", "received", "sent", "started", "rejected", "succeeded", "failed", "retried", "revoked",
        "args", "kwargs", "eta", "expires", "retries", "worker", "result", "exception", "timestamp", "runtime",
        "traceback", "exchange", "routing_key", "clock", "client", "root", "root_id", "parent", "parent_id", "children",
    )  # fmt: skip
    merge_rules: ClassVar[dict[str, tuple[str, ...]]] = {
        states.RECEIVED: ("name", "args", "kwargs", "parent_id", "root_id", "retries", "eta", "expires"),
    }
    _info_fields: ClassVar[tuple[str, ...]] = (
        "args", "kwargs", "retries", "result", "eta", "runtime", "expires", "exception", "exchange", "routing_key",
        "root_id", "parent_id",
    )  # fmt: skip

    def __init__(
        self, uuid: str | None = None, cluster_state: Any = None, children: Iterable[str] | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        self.uuid = uuid
        self.cluster_state = cluster_state
        known = cluster_state.tasks.data if cluster_state is not None else {}
        self.children: WeakSet[Task] = WeakSet(known[one] for one in children or () if one in known)
        self.__dict__.update(kwargs)

    def event(
        self, type_: str, timestamp: float | None = None, local_received: float | None = None,
        fields: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Take over what an event says. One that comes late, about a state before the present one, adds only what it
        alone can tell; a retry begins anew.
        """
        said = dict(fields or {})
        state = TASK_EVENT_TO_STATE.get(type_)
        if state is not None:
            setattr(self, type_, timestamp)
        else:
            state = type_.upper()
        late = states.precedence(state) > states.precedence(self.state)
        if late and states.RETRY not in (state, self.state):
            kept = self.merge_rules.get(state)
            said = said if kept is None else {name: said[name] for name in kept if name in said}
        else:
            said.update(state=state, timestamp=timestamp)
        for name in ("root", "parent"):
            self.__dict__.pop(name, None)
        self.__dict__.update(said)

    def info(self, fields: Iterable[str] | None = None, extra: Iterable[str] | None = None) -> dict[str, Any]:
        """What there is to show."""
        names = [*(self._info_fields if fields is None else fields), *(extra or ())]
        return {name: value for name in names if (value := getattr(self, name, None)) is not None}

    def as_dict(self) -> dict[str, Any]:
        """All fields; other tasks as their ids."""
        found = {name: getattr(self, name) for name in self._fields}
        found.update(root=self.root_id, parent=self.parent_id, children=[task.id for task in self.children])
        return found

    @property
    def id(self) -> str | None:
        """Task id."""
        return self.uuid

    @property
    def origin(self) -> Any:
        """Who spoke of it: its worker, before there is one its producer."""
        return self.client if self.worker is None else self.worker.id

    @property
    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in states.READY_STATES

    @cached_property
    def parent(self) -> Any:
        """The task that sent it, if that is known."""
        return self._known(self.parent_id)

    @cached_property
    def root(self) -> Any:
        """The first task of its workflow, if that is known."""
        return self._known(self.root_id)

    def _known(self, task_id: Any) -> Any:
        return self.cluster_state.tasks.data.get(task_id) if task_id and self.cluster_state is not None else None

    def __eq__(self, other: object) -> bool:
        return self.uuid == other.uuid if isinstance(other, Task) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.uuid)

    def __repr__(self) -> str:
        return f"<Task: {self.name}({self.uuid}) {self.state} clock:{self.clock}>"

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.as_dict())


def _restored(cls: type[Task], fields: dict[str, Any]) -> Task:
    return cls(**{name: value for name, value in fields.items() if name not in ("root", "parent")})
