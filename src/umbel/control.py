"""Asking workers and steering them: Celery's control requests over the broker, and their replies.

    app.control.inspect().active()          {node: [what it runs]}
    app.control.ping()                      [{node: {"ok": "pong"}}]
    app.control.revoke(task_id, terminate=True)
    app.control.rate_limit("shop.mail", "10/m", reply=True)

A worker answers from its supervisor, so a busy one answers as fast as an idle one. A revocation is a record in the
store and needs no worker to be there. `Control` opens a connection for each request; within a ``with`` block it keeps
one, which then belongs to that block's thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol, Self

import msgspec

from . import broker, clock, ids, withdraw
from .answers import Callback, gathered
from .backend import Backend
from .broker import Broker
from .current import get_app
from .exceptions import ImproperlyConfigured
from .routing import Declared
from .sender import Conf

LINGER = 5.0
"""Seconds beyond its timeout for which a request is offered to workers."""

Names = str | Sequence[str] | None


class Controlled(Protocol):
    """What it asks of an app."""

    @property
    def conf(self) -> Conf: ...

    @property
    def broker(self) -> Broker: ...

    @property
    def result_url(self) -> str | None: ...

    @property
    def settles_results(self) -> bool: ...

    @property
    def declared(self) -> Declared: ...

    def backend(self) -> Backend | None: ...


class Control:
    """Requests to the workers of one app's broker.

    Args:
        app: the application; the current one unless given.
    """

    def __init__(self, app: Controlled | None = None) -> None:
        self._app: Controlled = _current() if app is None else app
        self.app = self._app
        self._link: broker.Control | None = None
        self._within = False

    def close(self) -> None:
        """Give its connection to the store back; safe to repeat."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def __enter__(self) -> Self:
        self._within = True
        return self

    def __exit__(self, *_: object) -> None:
        self._within = False
        self.close()

    @contextmanager
    def _linked(self) -> Iterator[broker.Control]:
        """A connection: that of the ``with`` block, or one of this request."""
        if self._within:
            if self._link is None:
                self._link = self._app.broker.control()
            yield self._link
            return
        link = self._app.broker.control()
        try:
            yield link
        finally:
            link.close()

    def nodes(self) -> list[str]:
        """Node names of the workers that are alive, by the store's own record of them."""
        owners = self._app.broker.owners()
        try:
            return sorted({owner.node for owner in owners.roll() if owner.role == "supervisor"})
        finally:
            owners.close()

    def broadcast(
        self, command: str, arguments: dict[str, Any] | None = None, destination: Names = None, connection: Any = None,
        reply: bool = False, timeout: float = 1.0, limit: int | None = None, callback: Callback = None,
        channel: Any = None, pattern: str | None = None, matcher: str | None = None, **extra_kwargs: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Send a command to workers.

        Args:
            command: its name, for instance "ping".
            arguments: keyword arguments of the command.
            destination: node names; None for all.
            connection, channel: accepted and ignored: the broker opens its own.
            reply: wait for answers.
            timeout: seconds to wait for them; it returns at once when every worker that is alive has answered.
            limit: answers after which it returns.
            callback: called with each answer when it comes.
            pattern, matcher: "glob" or "pcre" pattern of node names.
            extra_kwargs: more arguments of the command.

        Returns:
            one ``{node: answer}`` for each worker that answered.
        """
        nodes = [destination] if isinstance(destination, str) else list(destination) if destination else None
        ticket = ids.new_id() if reply else None
        request = {
            "method": command, "arguments": {**(arguments or {}), **extra_kwargs}, "destination": nodes,
            "pattern": pattern, "matcher": matcher, "ticket": ticket,
        }  # fmt: skip
        with self._linked() as link:
            heard = link.broadcast(msgspec.json.encode(request, enc_hook=repr), clock.wall() + timeout + LINGER)
            if ticket is None:
                return []
            if limit or nodes or pattern:
                return gathered(link, ticket, timeout, limit or (len(nodes) if nodes else None), callback)
            alive = self.nodes()
            return gathered(link, ticket, timeout, max(heard or 0, len(alive)), callback, alive)

    def _tell(
        self, command: str, arguments: dict[str, Any], destination: Names, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return self.broadcast(command, arguments, destination, **options)

    def ping(self, destination: Names = None, timeout: float = 1.0, **kwargs: Any) -> list[dict[str, Any]]:
        """Who is there."""
        return self.broadcast("ping", destination=destination, reply=True, timeout=timeout, **kwargs)

    def inspect(
        self, destination: Names = None, timeout: float = 1.0, callback: Callback = None, connection: Any = None,
        app: Any = None, limit: int | None = None, pattern: str | None = None, matcher: str | None = None,
    ) -> Inspect:  # fmt: skip
        """Questions about running workers, see `Inspect`."""
        asked = Control(app) if app is not None else self
        return Inspect(destination, timeout, callback, None, None, limit, pattern, matcher, control=asked)

    def purge(self, connection: Any = None) -> int:
        """Remove everything that waits in the declared queues; returns the number of messages.

        Args:
            connection: accepted and ignored: the broker opens its own.
        """
        with closing(self._app.broker.shelf()) as shelf:
            return sum(shelf.purge(queue) for queue in self._app.declared.names)

    discard_all = purge

    def revoke(
        self, task_id: str | Sequence[str], destination: Names = None, terminate: bool = False,
        signal: str | int | None = "SIGTERM", **kwargs: Any,
    ) -> list[Any]:  # fmt: skip
        """Revoke one task or many; see `AsyncResult.revoke`.

        Returns:
            the ids whose messages were removed now; with ``reply=True`` what workers answer to it.
        """
        wanted = [task_id] if isinstance(task_id, str) else list(task_id)
        removed = withdraw.revoke(
            self._app.broker, wanted, terminate=terminate, signal=signal,
            expires=withdraw.lifetime(self._app.conf.result_expires), keep_results=self._app.result_url is not None,
            form=withdraw.Form.of(self._app.conf), apart=None if self._app.settles_results else self._app.backend(),
        )  # fmt: skip
        if kwargs.get("reply"):
            arguments = {"task_id": wanted, "terminate": terminate, "signal": withdraw.signal_name(signal)}
            return self._tell("revoke", arguments, destination, kwargs)
        return removed

    def terminate(
        self, task_id: str | Sequence[str], destination: Names = None, signal: str | int | None = "SIGTERM",
        **kwargs: Any,
    ) -> list[Any]:  # fmt: skip
        """Revoke, and stop what runs."""
        return self.revoke(task_id, destination, terminate=True, signal=signal, **kwargs)

    def revoke_by_stamped_headers(
        self, headers: dict[str, Any], destination: Names = None, terminate: bool = False,
        signal: str | int | None = "SIGTERM", **kwargs: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Revoke all tasks that are stamped so, those that are sent later too.

        Args:
            headers: stamp -> its value, or several.
        """
        withdraw.revoke_stamped(
            self._app.broker, withdraw.stamps_of(headers), terminate=terminate, signal=signal
        )  # fmt: skip
        arguments = {"headers": headers, "terminate": terminate, "signal": withdraw.signal_name(signal)}
        return self._tell("revoke_by_stamped_headers", arguments, destination, kwargs)

    def shutdown(self, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Warm shutdown of the named workers, or of all."""
        return self._tell("shutdown", {}, destination, kwargs)

    def rate_limit(
        self, task_name: str, rate_limit: Any, destination: Names = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Let each worker start so many tasks of a name: a number a second, ``"100/m"``, ``"5/h"``; 0 for no limit."""
        return self._tell("rate_limit", {"task_name": task_name, "rate_limit": rate_limit}, destination, kwargs)

    def time_limit(
        self, task_name: str, soft: float | None = None, hard: float | None = None, destination: Names = None,
        **kwargs: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Change the time limits of a task, in seconds, for runs that start from now on."""
        arguments = {"task_name": task_name, "hard": hard, "soft": soft}
        return self._tell("time_limit", arguments, destination, kwargs)

    def add_consumer(
        self, queue: str, exchange: str | None = None, exchange_type: str = "direct", routing_key: str | None = None,
        options: dict[str, Any] | None = None, destination: Names = None, **kwargs: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Let workers consume a queue too."""
        way = {"exchange": exchange, "exchange_type": exchange_type, "routing_key": routing_key}
        return self._tell("add_consumer", {"queue": queue, **way, **(options or {})}, destination, kwargs)

    def cancel_consumer(self, queue: str, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Let workers consume a queue no more."""
        return self._tell("cancel_consumer", {"queue": queue}, destination, kwargs)

    def pool_grow(self, n: int = 1, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Let workers run n processes more."""
        return self._tell("pool_grow", {"n": n}, destination, kwargs)

    def pool_shrink(self, n: int = 1, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Let workers run n processes less."""
        return self._tell("pool_shrink", {"n": n}, destination, kwargs)

    def pool_restart(
        self, modules: Any = None, reload: bool = False, reloader: Any = None, destination: Names = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Let workers replace their processes; see `worker_pool_restarts`."""
        arguments = {"modules": modules, "reload": reload, "reloader": reloader}
        return self._tell("pool_restart", arguments, destination, kwargs)

    def autoscale(self, max: int, min: int, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Change the range of pools that scale by themselves."""
        return self._tell("autoscale", {"max": max, "min": min}, destination, kwargs)

    def enable_events(self, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Let workers send events of tasks."""
        return self._tell("enable_events", {}, destination, kwargs)

    def disable_events(self, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Let workers send no events of tasks."""
        return self._tell("disable_events", {}, destination, kwargs)

    def heartbeat(self, destination: Names = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Let workers send a heartbeat event at once."""
        return self._tell("heartbeat", {}, destination, kwargs)

    def election(self, id: str, topic: str, action: Any = None, connection: Any = None) -> None:
        """Hold an election among Celery's workers; umbel's take no part."""
        self.broadcast("election", {"id": id, "topic": topic, "action": action})


def _current() -> Controlled:
    app: Controlled | None = get_app()
    if app is None:
        raise ImproperlyConfigured("There is no app yet: create one with Umbel(name), or pass app=.")
    return app


class Inspect:
    """Celery's inspect: each method returns ``{node: answer}``, or None when nobody answered.

    Args:
        app: whose workers are asked; those of the current app unless given.
        control: by which they are asked, in the place of a new one.
        destination, timeout, callback, connection, limit, pattern, matcher: see `Control.broadcast`.
    """

    def __init__(
        self, destination: Names = None, timeout: float = 1.0, callback: Callback = None, connection: Any = None,
        app: Controlled | None = None, limit: int | None = None, pattern: str | None = None,
        matcher: str | None = None, *, control: Control | None = None,
    ) -> None:  # fmt: skip
        self._control = Control(app) if control is None else control
        self.app: Any = self._control.app
        self._destination = destination
        self._options: dict[str, Any] = {
            "timeout": timeout, "callback": callback, "limit": limit, "pattern": pattern, "matcher": matcher,
        }  # fmt: skip

    def ask(self, command: str, **arguments: Any) -> dict[str, Any] | None:
        """Any command by name."""
        answers = self._control.broadcast(command, arguments, self._destination, reply=True, **self._options)
        return {node: answer for one in answers for node, answer in one.items()} or None

    _request = ask

    def active(self, safe: bool | None = None) -> dict[str, Any] | None:
        """What runs now; with ``safe`` its arguments as texts."""
        return self.ask("active", safe=safe)

    def reserved(self, safe: bool | None = None) -> dict[str, Any] | None:
        """What is held and has not started."""
        return self.ask("reserved")

    def scheduled(self, safe: bool | None = None) -> dict[str, Any] | None:
        """What is delayed, in the queues that the worker consumes."""
        return self.ask("scheduled")

    def registered(self, *taskinfoitems: str) -> dict[str, Any] | None:
        """Names of the tasks that the worker knows, with these attributes."""
        return self.ask("registered", taskinfoitems=list(taskinfoitems))

    registered_tasks = registered

    def stats(self) -> dict[str, Any] | None:
        """Counters and the shape of the pool."""
        return self.ask("stats")

    def conf(self, with_defaults: bool = False) -> dict[str, Any] | None:
        """Settings, secrets left out."""
        return self.ask("conf", with_defaults=with_defaults)

    def active_queues(self) -> dict[str, Any] | None:
        """Queues that the worker consumes."""
        return self.ask("active_queues")

    def revoked(self) -> dict[str, Any] | None:
        """Ids that are revoked."""
        return self.ask("revoked")

    def report(self) -> dict[str, Any] | None:
        """The worker's own report."""
        return self.ask("report")

    def query_task(self, *ids: Any) -> dict[str, Any] | None:
        """Where the worker has these tasks: active, reserved or scheduled."""
        return self.ask("query_task", ids=list(ids[0] if ids and isinstance(ids[0], list | tuple) else ids))

    def clock(self) -> dict[str, Any] | None:
        """The worker's logical clock."""
        return self.ask("clock")

    def hello(self, from_node: str, revoked: Any = None) -> dict[str, Any] | None:
        """What a worker that starts asks the others."""
        return self.ask("hello", from_node=from_node, revoked=revoked)

    def memsample(self) -> dict[str, Any] | None:
        """The supervisor's memory now."""
        return self.ask("memsample")

    def memdump(self, samples: int = 10) -> dict[str, Any] | None:
        """The last samples of it."""
        return self.ask("memdump", samples=samples)

    def objgraph(self, type: str = "Request", n: int = 200, max_depth: int = 10) -> dict[str, Any] | None:
        """A picture of objects of the supervisor that are not collected; needs the package objgraph there."""
        return self.ask("objgraph", num=n, max_depth=max_depth, type=type)

    def ping(self, destination: Names = None) -> dict[str, Any] | None:
        """Who is there."""
        if destination:
            self._destination = destination
        return self.ask("ping")
