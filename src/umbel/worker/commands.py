"""Commands: what a worker answers to ``umbel inspect`` and ``umbel control``, by Celery's names and reply shapes.

A request is Celery's pidbox document: method, arguments, destination, pattern, matcher, ticket, reply_to. The
supervisor answers, so a busy child is never disturbed; what runs is read from the shared page and looked up in the
store.
"""

from __future__ import annotations

import fnmatch
import logging
import os
import re
import resource
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from .. import clock, withdraw
from ..broker import Item
from ..exceptions import UmbelError
from ..message import Envelope

if TYPE_CHECKING:
    from ..app import Umbel
    from ..broker import Control
    from .brood import Brood
    from .options import WorkerOptions
    from .stopping import Stop

logger = logging.getLogger("umbel.worker")

REPLY_KEPT = 60.0


class Request(msgspec.Struct):
    """Celery's control request."""

    method: str
    arguments: dict[str, Any] = {}
    destination: list[str] | None = None
    pattern: str | None = None
    matcher: str | None = None
    ticket: str | None = None

    def concerns(self, node: str) -> bool:
        """Whether this node is meant."""
        if self.destination is not None:
            return node in self.destination
        if self.pattern:
            if self.matcher == "pcre":
                return re.match(self.pattern, node) is not None
            return fnmatch.fnmatchcase(node, self.pattern)
        return True


class Commands:
    """Answers for one supervisor."""

    def __init__(self, app: Umbel, options: WorkerOptions, control: Control, brood: Brood, stop: Stop) -> None:
        self.app = app
        self.options = options
        self.control = control
        self.brood = brood
        self.stop = stop
        self.node = options.hostname
        self._since = clock.monotonic()
        self._methods: dict[str, Callable[..., Any]] = {
            name: getattr(self, name)
            for name in (
                "ping", "active", "reserved", "scheduled", "registered", "stats", "conf", "active_queues", "revoked",
                "report", "query_task", "shutdown", "clock", "hello", "revoke",
            )
        }  # fmt: skip

    def learn(self, methods: Mapping[str, Callable[..., Any]]) -> None:
        """Answer these, too."""
        self._methods.update(methods)

    def answer(self, payload: bytes) -> None:
        """Answer one request if it concerns this node; a mistake in it is the answer, never the worker's end."""
        try:
            request = msgspec.json.decode(payload, type=Request)
        except msgspec.MsgspecError as error:
            logger.warning("A control request could not be read: %s", error)
            return
        if not request.concerns(self.node):
            return
        method = self._methods.get(request.method)
        try:
            reply = method(**request.arguments) if method else {"error": repr(KeyError(request.method))}
        except Exception as error:  # arguments come from a stranger; the reply says what was wrong
            reply = {"error": repr(error)}
        if request.ticket:
            body = msgspec.json.encode({self.node: reply}, enc_hook=repr)
            try:
                self.control.reply(request.ticket, body, clock.wall() + REPLY_KEPT)
            except UmbelError as error:
                logger.warning("The reply to %s could not be stored: %s", request.method, error)

    def ping(self) -> dict[str, str]:
        return {"ok": "pong"}

    def clock(self) -> dict[str, int]:
        return {"clock": 0}

    def hello(self, from_node: str, revoked: Any = None, **_: Any) -> dict[str, Any] | None:
        """What a Celery worker that starts wants to know of the others."""
        return {"revoked": self.revoked(), **self.clock()} if from_node != self.node else None

    def revoke(self, task_id: str | list[str], terminate: bool = False, signal: Any = None, **_: Any) -> dict[str, str]:
        """A Celery client's revocation; umbel's go to the store themselves. Each worker that hears it writes it."""
        ids = [task_id] if isinstance(task_id, str) else list(task_id)
        conf = self.app.conf
        withdraw.revoke(
            self.app.broker, ids, terminate=terminate, signal=signal, expires=withdraw.lifetime(conf.result_expires),
            keep_results=self.app.result_url is not None, form=withdraw.Form.of(conf),
        )  # fmt: skip
        return {"ok": f"tasks {', '.join(ids)} flagged as revoked"}

    def shutdown(self) -> None:
        self.stop.request()

    def registered(self, taskinfoitems: list[str] | None = None, builtins: bool = False) -> list[str]:
        return sorted(name for name in self.app.tasks if builtins or not name.startswith(("celery.", "umbel.")))

    def active_queues(self) -> list[dict[str, Any]]:
        declared = self.app.declared
        return [declared.find(queue).as_dict() for queue in self.options.queues]

    def conf(self, with_defaults: bool = False) -> dict[str, Any]:
        return dict(self.app.conf.table(with_defaults=with_defaults, censored=True))

    def stats(self) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        wards = self.brood.wards.values()
        return {
            "total": {"finished": sum(ward.row.get(3) for ward in wards)},
            "pid": os.getpid(),
            "clock": "0",
            "uptime": int(clock.monotonic() - self._since),
            "pool": {
                "implementation": self.options.pool, "max-concurrency": self.options.concurrency,
                "processes": [ward.pid for ward in wards],
                "max-tasks-per-child": self.options.max_tasks_per_child or "N/A",
                "timeouts": [self.options.soft_time_limit or 0, self.options.time_limit or 0],
            },
            "broker": {"url": self.app.shown_broker_url, "silent": round(self.brood.silent(clock.monotonic()), 1)},
            "prefetch_count": 0,
            "rusage": {"utime": usage.ru_utime, "stime": usage.ru_stime, "maxrss": usage.ru_maxrss},
        }  # fmt: skip

    def report(self) -> dict[str, str]:
        return {"ok": self.app.report()}

    def revoked(self) -> list[str]:
        return [entry.id for entry in self.control.revoked(0)[1]]

    def active(self, safe: bool = True) -> list[dict[str, Any]]:
        return self._held(started=True)

    def reserved(self) -> list[dict[str, Any]]:
        return self._held(started=False)

    def scheduled(self) -> list[dict[str, Any]]:
        with closing(self.app.broker.shelf()) as shelf:
            return [
                {"eta": item.parcel.due, "priority": 6, "request": self._describe(item, 0.0, None)}
                for queue in self.options.queues
                for item in shelf.items("delayed", queue=queue)
            ]

    def query_task(self, ids: list[str] | str) -> dict[str, Any]:
        wanted = {ids} if isinstance(ids, str) else set(ids)
        states = (("active", self.active()), ("reserved", self.reserved()))
        return {entry["id"]: [word, entry] for word, entries in states for entry in entries if entry["id"] in wanted}

    def _held(self, *, started: bool) -> list[dict[str, Any]]:
        running = {run.tag: (run, ward.pid) for ward in self.brood.wards.values() for run in ward.row.running()}
        found = []
        with closing(self.app.broker.shelf()) as shelf:
            leased = shelf.items("leased", limit=10_000)
        for item in leased:
            if item.owner == self.node and (item.tag in running) is started:
                run, pid = running.get(item.tag, (None, None))
                age = clock.monotonic() - run.started if run is not None else 0.0
                found.append(self._describe(item, clock.wall() - age if run is not None else 0.0, pid))
        return found

    def _describe(self, item: Item, started: float, pid: int | None) -> dict[str, Any]:
        try:
            headers = msgspec.json.decode(item.parcel.head, type=Envelope).headers
            shown = (headers.argsrepr, headers.kwargsrepr)
        except msgspec.MsgspecError:
            shown = ("", "")
        return {
            "id": item.parcel.id, "name": item.parcel.name, "args": shown[0], "kwargs": shown[1], "type":
            item.parcel.name, "hostname": self.node, "time_start": started or None, "acknowledged": False,
            "worker_pid": pid, "delivery_info": {
                "exchange": "", "routing_key": item.parcel.queue, "priority": item.parcel.priority,
                "redelivered": item.deaths > 0,
            },
        }  # fmt: skip
