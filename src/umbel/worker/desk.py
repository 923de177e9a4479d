"""The desk: what all attempts of one child share, and where their outcomes are written up.

Signals, hooks and follow-up messages are built here, on the task's own thread (tracers need its context); the settler
gets bytes. A hook or a signal that raises is logged and changes no outcome.
"""

from __future__ import annotations

import contextlib
import logging
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .. import clock, signals, states
from ..backend import sends_results
from ..context import Context
from ..einfo import ExceptionInfo
from ..exceptions import EncodeError, Ignore, Reject, Retry, TimeLimitExceeded
from ..message import Delivery, Parcel
from ..outcome import Bury, Done, Fail, Member, Outcome, Replace
from ..outcome import Retry as RetryOutcome
from ..record import Record
from ..serialization import encode_json
from ..withdraw import join_expires, kept_for
from . import callbacks
from .aside import Aside
from .documents import Documents, Value, encode_error, format_traceback, safe_repr
from .joins import members_of
from .page import SUPERVISOR
from .reporter import Reporter
from .run import Run
from .tails import beyond, tail_of

if TYPE_CHECKING:
    from ..app import Umbel
    from .options import WorkerOptions
    from .page import Row
    from .plan import Plan

logger = logging.getLogger("umbel.worker")
_OWN_FILES = ("attempt.py", "pool.py", "guard.py")
_PACKAGE = str(Path(__file__).resolve().parent.parent)


class Desk:
    """Shared by the attempts of one child.

    Args:
        app: the application.
        options: the worker's.
        row: this child's row of the shared page.
    """

    def __init__(self, app: Umbel, options: WorkerOptions, row: Row) -> None:
        self.app = app
        self.options = options
        self.node = options.hostname
        self.row = row
        self.running: dict[int, Run] = {}
        self.plans: dict[str, Plan] = {}
        self.aside = Aside()
        self.reporter = Reporter(app, self.node, row.get(SUPERVISOR))
        self.chatty = logger.isEnabledFor(logging.INFO)
        conf = app.conf
        self.documents = Documents(
            self.node, kept_for(conf, states.SUCCESS), kept_for(conf, states.FAILURE), bool(conf.result_extended),
            conf.result_serializer, conf.result_compression, sends_results(app.result_url),
        )  # fmt: skip
        self._keeps_results = app.result_url is not None

    def keeps(self, plan: Plan | None, request: Context, *, failed: bool = False) -> bool:
        """Whether this state is stored: by the message's ``ignore_result``, else by the task's."""
        if not self._keeps_results:
            return False
        ignored = request.wire.ignore_result
        if ignored is None:
            ignored = plan is not None and not plan.keep
        return not ignored or (failed and (plan is None or plan.keep_errors))

    def record(self, status: str, result: bytes, request: Context, traceback: str | None = None) -> Record:
        return self.documents.write(status, result, request, clock.wall(), traceback=traceback)

    def done(self, run: Run, value: Any, runtime: float) -> Outcome:
        """The function returned `value` after `runtime` seconds."""
        plan, request = run.plan, run.request
        result = self.documents.value(value)
        parcels: tuple[Parcel, ...] = ()
        embed = request.embed
        if embed.get("callbacks") or embed.get("chain"):
            parcels = callbacks.next_parcels(self.app, request, value)
        record = None
        if self.keeps(plan, request):
            record = self.documents.write(states.SUCCESS, result, request, clock.wall())
        if plan.on_success:
            self._hook(plan.task.on_success, value, request.id, request.args, request.kwargs)
        if signals.task_success.receivers:
            signals.task_success.send(sender=plan.task, result=value, runtime=runtime)
        if self.chatty:
            shown = "..." if plan.redact else safe_repr(value)[:1024]
            logger.info("Task %s[%s] succeeded in %ss: %s", plan.name, request.id, runtime, shown)
        if not embed.get("chord"):
            return Done(run.delivery, record, parcels)
        return Done(run.delivery, record, parcels + request.added, (), self._joined(request, result))

    def repeated(self, run: Run, value: Any) -> Outcome:
        """It had returned `value` before, and that is stored: what follows it is sent again, under the same ids."""
        request, result = run.request, self.documents.value(value)
        members = self._joined(request, result) if request.embed.get("chord") else ()
        return Done(run.delivery, None, callbacks.next_parcels(self.app, request, value), (), members)

    def retry(self, run: Run, error: Retry) -> Outcome:
        """The function raised `Retry`; it carries the next attempt."""
        plan, request = run.plan, run.request
        cause = error.exc if isinstance(error.exc, BaseException) else error
        text = format_traceback(error)
        record = self.record(states.RETRY, encode_error(cause), request, text) if self.keeps(plan, request) else None
        info = ExceptionInfo(cause, text)
        if plan.on_retry:
            self._hook(plan.task.on_retry, cause, request.id, request.args, request.kwargs, info)
        if signals.task_retry.receivers:
            signals.task_retry.send(sender=plan.task, request=request, reason=error, einfo=info)
        logger.info("Task %s[%s] retry: %s", plan.name, request.id, error)
        if self.reporter.on:
            self.reporter.retried(run, cause, text)
        parcel = getattr(error, "parcel", None)
        return RetryOutcome(run.delivery, record, ((parcel,) if parcel is not None else ()) + request.added)

    def raised(self, run: Run, error: BaseException) -> Outcome:
        """The function failed with `error`."""
        plan, request = run.plan, run.request
        error.__traceback__ = _of_the_task(error)
        text = format_traceback(error)
        info = ExceptionInfo(error, text)
        expected = isinstance(error, plan.throws) if plan.throws else False
        level = logging.INFO if expected else logging.ERROR
        word = "expected" if expected else "unexpected"
        shown = type(error).__name__ if plan.redact else safe_repr(error)
        detail = None if expected or plan.redact else (type(error), error, error.__traceback__)
        logger.log(level, "Task %s[%s] raised %s: %s", plan.name, request.id, word, shown, exc_info=detail)
        if plan.on_failure:
            self._hook(plan.task.on_failure, error, request.id, request.args, request.kwargs, info)
        self.tell_failure(plan, request, error, info)
        return self.failed(request, run.delivery, error, plan=plan, traceback=text)

    def tell_failure(
        self, plan: Plan, request: Context, error: BaseException, info: ExceptionInfo | None = None,
        call: callbacks.Caller = callbacks.at_once,
    ) -> None:  # fmt: skip
        """The signal `task_failure`; receivers are told by `call`."""
        if signals.task_failure.receivers:
            call(partial(
                signals.task_failure.send, sender=plan.task, task_id=request.id, exception=error, args=request.args,
                kwargs=request.kwargs, traceback=error.__traceback__, einfo=info,
            ))  # fmt: skip

    def rejected(self, run: Run, error: Reject) -> Outcome:
        """The function refused its message for good."""
        reason = f"rejected by the task: {error.reason}"
        logger.warning("Task %s[%s] %s", run.plan.name, run.request.id, reason)
        self.tell_failure(run.plan, run.request, error, ExceptionInfo(error, ""))
        return self.failed(run.request, run.delivery, error, plan=run.plan, bury=reason)

    def failed(
        self, request: Context, delivery: Delivery, error: BaseException, *, plan: Plan | None = None,
        traceback: str | None = None, bury: str = "", call: callbacks.Caller = callbacks.at_once,
    ) -> Outcome:  # fmt: skip
        """FAILURE with its errbacks, those of this process by `call`; `bury` names the reason of a dead letter."""
        if self.reporter.on:
            self.reporter.failed(request, delivery, plan, error, traceback)
        keep = self.keeps(plan, request, failed=True)
        result = encode_error(error)
        record = self.record(states.FAILURE, result, request, traceback) if keep else None
        later = self._closed(states.FAILURE, result, request, traceback) if keep else ()
        parcels: tuple[Parcel, ...] = request.added + beyond(self.app, request, states.FAILURE, result)
        if request.errbacks:
            parcels += callbacks.errback_parcels(self.app, request, error, traceback, call)
        bury = bury or (plan.burial(error) if plan is not None else "")
        if bury:
            return Bury(
                delivery, record, parcels, later, self._lost(request, result), reason=bury, detail=traceback or ""
            )
        return Fail(delivery, record, parcels, later, self._lost(request, result))

    def _joined(self, request: Context, result: bytes | Value) -> tuple[Member, ...]:
        """What a task that succeeded brings to its chord."""
        value = result if isinstance(result, bytes) else encode_json(result.value)
        expires = join_expires(self.app.conf, clock.wall())
        return members_of(self.app, request, value, failed=False, expires=expires, queue=request.came_from)

    def _lost(self, request: Context, result: bytes) -> tuple[Member, ...]:
        """The same of one that failed, and of what would have followed it."""
        if not request.embed.get("chord") and not request.embed.get("chain"):
            return ()
        expires = join_expires(self.app.conf, clock.wall())
        return tuple(
            member
            for one in (request, *tail_of(request))
            for member in members_of(self.app, one, result, failed=True, expires=expires, queue=request.came_from)
        )

    def ignored(self, run: Run, error: Ignore) -> Outcome:
        """The function raised `Ignore`: it is replaced, or ends without a state; its chord has lost it."""
        parcels = run.request.replaced_by
        if parcels:
            return Replace(run.delivery, None, parcels + run.request.added)
        result = encode_error(error)
        parcels = run.request.added + beyond(self.app, run.request, "", result)
        return Done(run.delivery, None, parcels, (), self._lost(run.request, result))

    def stopped(self, request: Context, delivery: Delivery, status: str, result: bytes) -> Outcome:
        """The link to a segment of a chain that has ended before it: what is in it ends in the same way."""
        parcels, members = beyond(self.app, request, status, result), self._lost(request, result)
        if not status or not self.keeps(None, request, failed=True):
            return Fail(delivery, None, parcels, members=members)
        later = self._closed(status, result, request)
        return Fail(delivery, self.record(status, result, request), parcels, later=later, members=members)

    def _closed(
        self, status: str, result: bytes, request: Context, traceback: str | None = None
    ) -> tuple[Record, ...]:  # fmt: skip
        """The same state for what would have followed in the chain."""
        if not request.embed.get("chain"):
            return ()
        records = tuple(self.record(status, result, one, traceback) for one in tail_of(request))
        if self.documents.sent:
            for record in records:
                record.reply_to = request.reply_to or ""  # a step that was never sent has no message that says it
        return records

    def leave(self, run: Run) -> bool:
        """Take a run off the shared page; True for the one caller (attempt or keeper) that did."""
        if self.running.pop(run.tag, None) is None:
            return False
        self.row.end(run.cell)
        return True

    def unwritten(self, run: Run, trouble: Exception) -> Outcome:
        """The last resort: dead letter, and FAILURE with a text that can be written, so that nobody waits in vain."""
        name, task_id, detail = run.plan.name, run.request.id, None if run.plan.redact else trouble
        logger.error("The outcome of task %s[%s] cannot be written", name, task_id, exc_info=detail)
        if signals.task_internal_error.receivers:
            signals.task_internal_error.send(
                sender=run.plan.task, task_id=task_id, args=run.request.args, kwargs=run.request.kwargs,
                request=run.request, exception=trouble, traceback=trouble.__traceback__,
                einfo=ExceptionInfo(trouble, ""),
            )  # fmt: skip
        shown = type(trouble).__name__ if run.plan.redact else safe_repr(trouble)
        reason, record = f"its outcome cannot be written: {shown}", None
        members: tuple[Member, ...] = ()
        parcels = run.request.added
        result = encode_error(EncodeError(reason))
        with contextlib.suppress(Exception):
            self.reporter.failed(run.request, run.delivery, run.plan, EncodeError(reason), None)
            members = self._lost(run.request, result)
            parcels += beyond(self.app, run.request, states.FAILURE, result)
        with contextlib.suppress(Exception):  # below a net there is none: the dead letter is what can always be kept
            if self.keeps(run.plan, run.request, failed=True):
                record = self.record(states.FAILURE, result, run.request)
        return Bury(run.delivery, record, parcels, members=members, reason=reason)

    def overdue(self, run: Run) -> Outcome:
        """The outcome of a run past its hard limit, whose function may still be running; user code is called aside."""
        request, plan = run.request, run.plan
        logger.error("Hard time limit (%ss) exceeded for %s[%s]", run.hard, plan.name, request.id)
        error = TimeLimitExceeded(run.hard)
        self.tell_failure(plan, request, error, call=self.aside.call)
        return self.failed(request, run.delivery, error, plan=plan, call=self.aside.call)

    def withdrawn(
        self, request: Context, delivery: Delivery, error: BaseException, call: callbacks.Caller = callbacks.at_once
    ) -> Outcome:
        """REVOKED: revoked, expired or terminated; receivers are told by `call`."""
        if signals.task_revoked.receivers:
            call(partial(
                signals.task_revoked.send, sender=self.app.tasks.get(request.task), request=request, signum=None,
                terminated=type(error).__name__ == "Terminated", expired=error.args[:1] == ("expired",),
            ))  # fmt: skip
        if self.reporter.on:
            self.reporter.revoked(request, delivery, error)
        result = encode_error(error)
        members = self._lost(request, result)
        parcels = request.added + beyond(self.app, request, states.REVOKED, result)
        if not self.keeps(None, request, failed=True):
            return Fail(delivery, None, parcels, members=members)
        later = self._closed(states.REVOKED, result, request)
        record = self.record(states.REVOKED, result, request)
        return Fail(delivery, record, parcels, later=later, members=members)

    def _hook(self, hook: Any, *args: Any) -> None:
        try:
            hook(*args)
        except Exception:  # a user's hook may raise anything; the outcome stands
            logger.exception("The hook %s raised; the task's outcome stands", getattr(hook, "__name__", hook))

    def after_return(self, run: Run, status: str, value: Any, error: BaseException | None) -> None:
        """Hook and signal at the very end of a run, whatever came of it."""
        plan, request = run.plan, run.request
        if plan.after_return:
            info = ExceptionInfo(error, "") if error is not None else None
            self._hook(plan.task.after_return, status, value, request.id, request.args, request.kwargs, info)
        if signals.task_postrun.receivers:
            signals.task_postrun.send(
                sender=plan.task, task_id=request.id, task=plan.task, args=request.args, kwargs=request.kwargs,
                retval=value, state=status,
            )  # fmt: skip


def _of_the_task(error: BaseException) -> TracebackType | None:
    """The traceback without the runner's own frames at its start: a user wants to see his."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None and _is_own(frame.tb_frame.f_code.co_filename):
        frame = frame.tb_next
    return frame


def _is_own(name: str) -> bool:
    return name.startswith(_PACKAGE) and name.endswith(_OWN_FILES)
