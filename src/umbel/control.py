"""Asking workers: Celery's control requests over the broker, and their replies.

    control = Control(app)
    control.inspect().active()          {node: [what it runs]}
    control.ping()                      [{node: {"ok": "pong"}}]
    control.revoke(task_id, terminate=True)

A worker answers from its supervisor, so a busy one answers as fast as an idle one. A revocation is a record in the
store and needs no worker to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from . import clock, ids, withdraw

if TYPE_CHECKING:
    from .app import Umbel

LINGER = 5.0
"""Seconds beyond its timeout for which a request is offered to workers."""


class Control:
    """Requests to the workers of one app's broker. `close` it, or use it in a ``with`` block.

    Args:
        app: the application.
    """

    def __init__(self, app: Umbel) -> None:
        self._app = app
        self._link = app.broker.control()

    def close(self) -> None:
        """Give its connection to the store back; safe to repeat."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def nodes(self) -> list[str]:
        """Node names of the workers that are alive, by the store's own record of them."""
        owners = self._app.broker.owners()
        try:
            return sorted({owner.node for owner in owners.roll() if owner.role == "supervisor"})
        finally:
            owners.close()

    def broadcast(
        self, command: str, arguments: dict[str, Any] | None = None, *, destination: Sequence[str] | None = None,
        pattern: str | None = None, matcher: str | None = None, reply: bool = False, timeout: float = 1.0,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Send a command to workers.

        Args:
            command: its name, for instance "ping".
            arguments: keyword arguments of the command.
            destination: node names; None for all.
            pattern, matcher: "glob" or "pcre" pattern of node names.
            reply: wait for answers.
            timeout: seconds to wait for them; it returns at once when every worker that is alive has answered.

        Returns:
            one ``{node: answer}`` for each worker that answered.
        """
        ticket = ids.new_id() if reply else None
        request = {
            "method": command, "arguments": arguments or {}, "destination": list(destination) if destination else None,
            "pattern": pattern, "matcher": matcher, "ticket": ticket,
        }  # fmt: skip
        self._link.broadcast(msgspec.json.encode(request), clock.wall() + timeout + LINGER)
        return self._gather(ticket, timeout, destination, pattern) if ticket else []

    def _gather(
        self, ticket: str, timeout: float, destination: Sequence[str] | None, pattern: str | None
    ) -> list[dict[str, Any]]:
        expected = len(destination) if destination else (None if pattern else len(self.nodes()))
        deadline = clock.monotonic() + timeout
        answers: list[dict[str, Any]] = []
        while (expected is None or len(answers) < expected) and (left := deadline - clock.monotonic()) > 0:
            answers += [msgspec.json.decode(answer) for answer in self._link.replies(ticket, left)]
        return answers

    def ping(self, destination: Sequence[str] | None = None, timeout: float = 1.0) -> list[dict[str, Any]]:
        """Who is there."""
        return self.broadcast("ping", destination=destination, reply=True, timeout=timeout)

    def inspect(self, destination: Sequence[str] | None = None, timeout: float = 1.0) -> Inspect:
        """Questions about running workers, see `Inspect`."""
        return Inspect(self, destination, timeout)

    def revoke(
        self, task_id: str | Sequence[str], *, terminate: bool = False, signal: str | int | None = None
    ) -> list[str]:
        """Revoke one task or many; see `AsyncResult.revoke`. Returns the ids whose messages were removed now."""
        wanted = [task_id] if isinstance(task_id, str) else list(task_id)
        return withdraw.revoke(
            self._app.broker, wanted, terminate=terminate, signal=signal,
            expires=withdraw.lifetime(self._app.conf.result_expires), keep_results=self._app.result_url is not None,
            form=withdraw.Form.of(self._app.conf), apart=None if self._app.settles_results else self._app.backend(),
        )  # fmt: skip

    def shutdown(self, destination: Sequence[str] | None = None) -> None:
        """Warm shutdown of the named workers, or of all."""
        self.broadcast("shutdown", destination=destination)


class Inspect:
    """Celery's inspect: each method returns ``{node: answer}``, or None when nobody answered."""

    def __init__(self, control: Control, destination: Sequence[str] | None, timeout: float) -> None:
        self._control = control
        self._destination = destination
        self._timeout = timeout

    def ask(self, command: str, **arguments: Any) -> dict[str, Any] | None:
        """Any command by name."""
        answers = self._control.broadcast(
            command, arguments, destination=self._destination, reply=True, timeout=self._timeout
        )
        return {node: answer for one in answers for node, answer in one.items()} or None

    def active(self) -> dict[str, Any] | None:
        """What runs now."""
        return self.ask("active")

    def reserved(self) -> dict[str, Any] | None:
        """What is held and has not started."""
        return self.ask("reserved")

    def scheduled(self) -> dict[str, Any] | None:
        """What is delayed, in the queues that the worker consumes."""
        return self.ask("scheduled")

    def registered(self, *taskinfoitems: str) -> dict[str, Any] | None:
        """Names of the tasks that the worker knows."""
        return self.ask("registered", taskinfoitems=list(taskinfoitems))

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

    def query_task(self, *task_ids: str) -> dict[str, Any] | None:
        """Where the worker has these tasks: active or reserved."""
        return self.ask("query_task", ids=list(task_ids))

    def ping(self) -> dict[str, Any] | None:
        return self.ask("ping")
