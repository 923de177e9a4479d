"""The runner: turns a delivery into an attempt, or straight into an outcome when it must not run.

    delivery --decode--> known? revoked? expired? readable? --yes--> Attempt (attempt.py) --pool--> Outcome
                              \\--no--> Park, Fail (REVOKED), Bury

Nothing here talks to a store, but for a rate limit of all workers together (`line`); an outcome says what should be
stored.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from .. import clock, signals
from ..canvas import CONTINUE, stored
from ..context import Context
from ..exceptions import (
    ChordError,
    InvalidTaskError,
    NotRegistered,
    TaskRevokedError,
    Terminated,
    TimeLimitExceeded,
    UmbelError,
    WorkerLostError,
)  # fmt: skip
from ..message import CHORD_HEADER, Delivery, Envelope, Headers
from ..outcome import Bury, Outcome, Park
from ..result.rebuild import rebuild
from ..serialization import acceptable, decode_json, decompress, is_own_json, loads
from .attempt import Attempt
from .desk import Desk
from .documents import safe_repr
from .joins import lost_member
from .line import Line
from .plan import Plan
from .tails import stopped_by
from .told import Arrived, Received, Shown

if TYPE_CHECKING:
    from ..app import Umbel
    from .revoked import Revoked

logger = logging.getLogger("umbel.worker")

_envelope = msgspec.json.Decoder(Envelope).decode
_DAY = 86_400.0
_LATER = 5.0
_ARRAYS = frozenset({list, tuple})

UNKNOWN = (
    "Task %s[%s] is unknown here: parked for a worker that knows it. If this one should, name its module in `include`, "
    "or restart it with the code that has it"
)


class Runner:
    """Makes attempts for one child.

    Args:
        desk: what the attempts of this child share.
        revoked: the revocations known so far.

    Attributes:
        kind: what it makes of a message that is to run.
    """

    def __init__(self, desk: Desk, revoked: Revoked) -> None:
        self.desk = desk
        self.revoked = revoked
        self.kind: type[Attempt] = Attempt
        self.line = Line(desk.app)
        self._plans = desk.plans
        self._mentioned: dict[str, float] = {}
        conf = desk.app.conf
        self._accept = acceptable(conf.accept_content)
        self._accepts_json = "application/json" in self._accept and is_own_json("application/json")
        self._most_bytes: int = conf.decompressed_max_size
        self._hold: float = conf.task_unknown_hold

    @property
    def app(self) -> Umbel:
        """The application; for receivers of signals, whose sender this is."""
        return self.desk.app

    @property
    def hostname(self) -> str:
        """Node name; for them, too."""
        return self.desk.node

    def prepare(self, delivery: Delivery) -> Attempt | Outcome:
        """The attempt that runs this message, or the outcome that it has without running."""
        try:
            envelope = _envelope(delivery.head)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._refuse(delivery, error)
            return Bury(delivery, reason=f"the message's head cannot be read: {error}")
        headers = envelope.headers
        try:
            if delivery.verdict:
                return self._sentence(delivery, envelope, headers)
            plan = self._plans.get(headers.task) or self._plan(headers.task)
            if plan is None:
                return self._unknown(delivery, envelope, headers)
            if self.revoked.holds(headers.id, headers.stamps) or (headers.expires and _is_past(headers.expires)):
                return self._withdrawn(delivery, envelope, headers)
            if plan.interval and (wait := self._put_off(plan, delivery)) > 0:
                return Park(delivery, due=clock.wall() + wait)
            try:
                args, kwargs, embed = self._body(delivery, envelope)
            except Exception as error:  # bytes from a stranger: whatever decoding raises, the worker goes on
                return self._unreadable(delivery, envelope, headers, error)
        except Exception as error:  # the net under all of the above: no message may end the child that claimed it
            logger.exception("Task %s[%s] cannot be prepared, dead letter", headers.task, headers.id)
            return Bury(delivery, reason=f"the message cannot be prepared: {safe_repr(error)}")
        request = Context(headers, envelope, args, kwargs, embed, delivery, self.desk.node)
        lost = lost_member(embed)
        if lost is not None:
            return self._without_its_header(plan, request, delivery, *lost)
        if plan.name == CONTINUE and (stopped := stopped_by(embed)) is not None:
            return self._stopped(request, delivery, *stopped)
        self.desk.row.ints[plan.tally] += 1
        if signals.task_received.receivers and not plan.gathers:  # a strategy tells of it itself
            signals.task_received.send(sender=self, request=Received(Shown(request), app=self.app, task=plan.task))
        return self.kind(self.desk, plan, delivery, request)

    def _without_its_header(
        self, plan: Plan | None, request: Context, delivery: Delivery, member: str, result: Any
    ) -> Outcome:  # fmt: skip
        """The body of a chord of which a member has failed fails."""
        error = ChordError(f"Dependency {member} raised {safe_repr(rebuild(result))}")
        logger.error("Task %s[%s] failed: %s", request.task, request.id, error)
        return self.desk.failed(request, delivery, error, plan=plan)

    def _stopped(self, request: Context, delivery: Delivery, status: str, result: bytes) -> Outcome:
        """The next segment of a chain that has ended."""
        named, end = request.kwargs, request.kwargs.get("end")
        try:
            steps = stored(self.desk.app, named.get("tail", ""), named.get("part", 0))
        except UmbelError as error:
            logger.warning("A part of a chain cannot be read, it is tried again in %g s: %s", _LATER, error)
            return Park(delivery, due=clock.wall() + _LATER)
        request.embed["chain"] = steps or ([end] if isinstance(end, dict) else [])
        return self.desk.stopped(request, delivery, status, result)

    def _plan(self, name: str) -> Plan | None:
        task = self.desk.app.tasks.get(name)
        if task is None:
            return None
        plan = Plan(task, self.desk.app, self.desk.options)
        plan.tally = self.desk.row.tally(name)
        self._plans[name] = plan
        return plan

    def _put_off(self, plan: Plan, delivery: Delivery) -> float:
        """Seconds until a rate limited task may start; 0.0 for one whose reserved time has come."""
        if plan.together:
            return self.line.wait(plan.name, plan.interval, again=bool(delivery.parked))
        rates = self.desk.row.rates
        if delivery.parked > rates.since:
            return 0.0
        now = clock.monotonic()
        return rates.reserve(plan.name, plan.interval, now) - now

    def _body(self, delivery: Delivery, envelope: Envelope) -> tuple[Any, Any, Any]:
        data = delivery.body
        if envelope.headers.compression:
            data = decompress(data, envelope.headers.compression, self._most_bytes)
        if self._accepts_json and envelope.content_type == "application/json" and envelope.content_encoding == "utf-8":
            body = decode_json(data)
        else:
            body = loads(data, envelope.content_type, envelope.content_encoding, self._accept)
        if type(body) not in _ARRAYS or len(body) != 3:
            raise InvalidTaskError("the body is not a list of arguments, keyword arguments and embed")
        args, kwargs, embed = body
        if type(args) not in _ARRAYS or type(kwargs) is not dict:
            raise InvalidTaskError("the arguments are not a list, or the keyword arguments not an object")
        return args, kwargs, _embed(embed)

    def _request(self, delivery: Delivery, envelope: Envelope, headers: Headers) -> Context:
        """A request for a message that does not run; its arguments are read when they can be."""
        try:
            args, kwargs, embed = self._body(delivery, envelope)
        except Exception:  # what cannot be decoded is left out; the caller reports why
            args, kwargs, embed = (), {}, _said_in(delivery.head)
        return Context(headers, envelope, args, kwargs, embed, delivery, self.desk.node)

    def _unknown(self, delivery: Delivery, envelope: Envelope, headers: Headers) -> Outcome:
        request = self._request(delivery, envelope, headers)
        lost = lost_member(request.embed)
        if lost is not None:  # nothing of it is to be run
            return self._without_its_header(None, request, delivery, *lost)
        now = clock.wall()
        waited = now - delivery.parked if delivery.parked else 0.0
        if -_DAY < waited < self._hold:  # parked days ahead of now: a damaged row, which would be parked for ever
            self._mention(headers.task, headers.id, now)
            if not delivery.parked and signals.task_unknown.receivers:
                signals.task_unknown.send(
                    sender=self, message=Arrived(delivery), exc=NotRegistered(headers.task), name=headers.task,
                    id=headers.id,
                )  # fmt: skip
            return Park(delivery, due=now + min(max(1.0, waited / 2), 60.0, max(self._hold - waited, 0.1)))
        logger.error("Task %s[%s] is still unknown after %.0f s: dead letter", headers.task, headers.id, waited)
        return self.desk.failed(request, delivery, NotRegistered(headers.task), bury="unknown task")

    def _mention(self, name: str, task_id: str, now: float) -> None:
        """Say that a task is unknown, once a minute and name: a deploy may bring thousands."""
        seen = self._mentioned.get(name, 0.0)
        level = logging.WARNING if not 0 <= now - seen < 60 else logging.DEBUG
        if level == logging.WARNING:
            self._mentioned[name] = now
        logger.log(level, UNKNOWN, name, task_id)

    def _withdrawn(self, delivery: Delivery, envelope: Envelope, headers: Headers) -> Outcome:
        word = "revoked" if self.revoked.holds(headers.id, headers.stamps) else "expired"
        logger.info("Discarding %s task: %s[%s]", word, headers.task, headers.id)
        request = self._request(delivery, envelope, headers)
        if self.desk.reporter.on:
            self.desk.reporter.received(request)
        return self.desk.withdrawn(request, delivery, TaskRevokedError(word))

    def _unreadable(self, delivery: Delivery, envelope: Envelope, headers: Headers, error: Exception) -> Outcome:
        why = str(error) if isinstance(error, UmbelError) else safe_repr(error)
        logger.error("Task %s[%s] cannot be read, dead letter: %s", headers.task, headers.id, why)
        self._refuse(delivery, error)
        request = self._request(delivery, envelope, headers)
        return self.desk.failed(request, delivery, error, bury=f"the message's body cannot be read: {why}")

    def _refuse(self, delivery: Delivery, error: Exception) -> None:
        if signals.task_rejected.receivers:
            signals.task_rejected.send(sender=self, message=Arrived(delivery), exc=error)

    def _sentence(self, delivery: Delivery, envelope: Envelope, headers: Headers) -> Outcome:
        """Settle what the verdict says: nobody runs this message again."""
        kind, _, detail = delivery.verdict.partition(":")
        request = self._request(delivery, envelope, headers)
        error: UmbelError
        if kind == "TimeLimitExceeded":
            error = TimeLimitExceeded(_seconds(detail))
        elif kind == "Terminated":
            return self.desk.withdrawn(request, delivery, Terminated(detail))
        else:
            error = WorkerLostError(detail)
        logger.error("Task %s[%s] failed: %s", headers.task, headers.id, error)
        poison = delivery.deaths >= self.desk.app.conf.worker_poison_limit
        bury = f"it killed its worker {delivery.deaths} times: {detail}" if poison else ""
        plan = self._plans.get(headers.task) or self._plan(headers.task)
        if plan is not None:
            self.desk.tell_failure(plan, request, error)
        return self.desk.failed(request, delivery, error, plan=plan, bury=bury)


def _said_in(head: bytes) -> dict[str, Any]:
    """What a message's head says of its chord, in the form of a body's third part."""
    try:
        said = _embed(decode_json(head)["headers"].get(CHORD_HEADER))
    except Exception:  # a stranger may have written anything there
        return {}
    return said if isinstance(said.get("chord") or {}, dict) else {}


def _embed(value: Any) -> dict[str, Any]:
    """The third part of a body. Follow-ups of a wrong shape are found here, not when the task has run."""
    if not isinstance(value, dict):
        return {}
    if value.get("callbacks") or value.get("errbacks") or value.get("chain"):
        for name in ("callbacks", "errbacks", "chain"):
            entries = value.get(name)
            if entries and not (isinstance(entries, (list, tuple)) and all(isinstance(one, dict) for one in entries)):
                raise InvalidTaskError(f"the {name} are not a list of signatures")
    return value


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_past(moment: str) -> bool:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return False
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.timestamp() <= clock.wall()
