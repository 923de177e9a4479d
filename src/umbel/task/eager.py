"""Running a task in the caller: `apply()` and `task_always_eager`.

Arguments and result go through the serializer, so that what cannot travel fails here as well; hooks, signals, retries
(at once, without their delay), callbacks and errbacks are those of a worker.
"""

from __future__ import annotations

import traceback as tracebacks
from collections.abc import Callable, Coroutine, Mapping
from contextvars import copy_context
from typing import Any

from .. import clock, signals, states
from ..canvas import maybe_signature
from ..context import Context
from ..current import pop_request, push_request, request_var
from ..einfo import ExceptionInfo
from ..exceptions import Ignore, Reject, Retry
from ..ids import new_id
from ..message import Headers
from ..result import EagerResult
from ..saferepr import saferepr
from ..serialization import codec, dumps, loads
from ..withdraw import Form, kept_for, state_record


def round_trip(value: Any, serializer: str) -> Any:
    """A value as it arrives after travelling."""
    content_type, content_encoding, data = dumps(value, serializer)
    return loads(data, content_type, content_encoding, frozenset({codec(serializer).content_type}))


def apply(
    task: Any, args: Any, kwargs: Any, *, link: Any, link_error: Any, task_id: str | None, retries: int,
    throw: bool | None, headers: Mapping[str, Any] | None, options: Mapping[str, Any],
) -> EagerResult[Any]:  # fmt: skip
    """What `Task.apply` does; see there."""
    serializer = options.get("serializer") or task.serializer or "json"
    args, kwargs = list(args or ()), dict(kwargs or {})
    if not task.overrides("apply"):  # whoever replaces it may hand over what nobody could send
        args, kwargs = round_trip([args, kwargs], serializer)
    request = _request(task, args, kwargs, task_id or new_id(), retries, headers, options)
    embed = {"callbacks": _listed(link), "errbacks": _listed(link_error)}
    request.update(**embed)
    throw = task.app.conf.task_eager_propagates if throw is None else throw
    run = _Run(task, request, serializer)
    state, value, text = run.run()
    if isinstance(value, Retry) and value.sig is not None:
        again: EagerResult[Any] = value.sig.apply(retries=retries + 1, throw=throw)
        return again
    if state == states.FAILURE and throw:
        raise value
    result: EagerResult[Any] = EagerResult(request.id, value, state, text, task.name)
    _store(task, request, state, value, text)
    return result


def _request(
    task: Any, args: Any, kwargs: Any, task_id: str, retries: int, headers: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> Context:  # fmt: skip
    outer = request_var.get()
    root_id = options.get("root_id") or (outer.root_id or outer.id if outer is not None else None) or task_id
    parent_id = options.get("parent_id") or (outer.id if outer is not None else None)
    made = Headers(
        task.name, task_id, retries=retries, root_id=root_id, parent_id=parent_id, group=options.get("group_id"),
        group_index=options.get("group_index"), argsrepr=saferepr(tuple(args)), kwargsrepr=saferepr(kwargs),
        ignore_result=options.get("ignore_result", task.ignore_result),
        timelimit=(options.get("time_limit"), options.get("soft_time_limit")), stamps={},
        replaced_task_nesting=options.get("replaced_task_nesting") or 0,
    )  # fmt: skip
    request = Context(made, None, args, kwargs, {}, None, task.app.main, is_eager=True)
    queue = options.get("queue") or task.app.conf.task_default_queue
    key = str(getattr(queue, "name", queue))
    info = {"exchange": "", "routing_key": key, "priority": options.get("priority"), "redelivered": False}
    request.update(headers=dict(headers or {}), delivery_info=info)
    return request


def _listed(links: Any) -> list[Any] | None:
    if not links:
        return None
    return list(links) if isinstance(links, list | tuple) else [links]


class _Run:
    """One run; ends in (state, value or exception, traceback text)."""

    def __init__(self, task: Any, request: Context, serializer: str) -> None:
        self.task = task
        self.request = request
        self.serializer = serializer
        self.about = {"task_id": request.id, "args": request.args, "kwargs": request.kwargs}

    def run(self) -> tuple[str, Any, str | None]:
        task, request, about = self.task, self.request, self.about
        token = push_request(task, request)
        info: ExceptionInfo | None = None
        try:
            try:
                signals.task_prerun.send(sender=task, task=task, **about)
                task.before_start(request.id, request.args, request.kwargs)
                started = clock.monotonic()
                value = self._call()
                value = self._returned(value, clock.monotonic() - started)
                state = states.SUCCESS
            except Exception as error:  # whatever a task raises is its outcome
                info = ExceptionInfo(error, "".join(tracebacks.format_exception(error)))
                state, value = self._raised(error, info)
            self._left(state, value, info)
        finally:
            pop_request(token)
        return state, value, info.traceback if info is not None else None

    def _call(self) -> Any:
        task, request = self.task, self.request
        args, kwargs = task.arguments(request.args, request.kwargs)
        value = task(*args, **kwargs) if task.custom_call else task.run(*args, **kwargs)
        return run_coroutine(value) if task.is_async else value

    def _returned(self, value: Any, runtime: float) -> Any:
        task, request = self.task, self.request
        value = task.shape.returned(round_trip(value, self.serializer))
        for callback in request.callbacks or ():
            maybe_signature(callback, app=task.app).apply((value,))
        task.on_success(value, request.id, request.args, request.kwargs)
        signals.task_success.send(sender=task, result=value, runtime=runtime)
        return value

    def _raised(self, error: Exception, info: ExceptionInfo) -> tuple[str, Any]:
        task, request, about = self.task, self.request, self.about
        if isinstance(error, Ignore):
            return states.IGNORED, error
        if isinstance(error, Reject):
            return states.REJECTED, error
        if isinstance(error, Retry):
            task.on_retry(error.exc or error, request.id, request.args, request.kwargs, info)
            signals.task_retry.send(sender=task, request=request, reason=error, einfo=info)
            return states.RETRY, error
        task.on_failure(error, request.id, request.args, request.kwargs, info)
        signals.task_failure.send(sender=task, exception=error, traceback=error.__traceback__, einfo=info, **about)
        for errback in request.errbacks or ():
            self._errback(errback, error, info)
        return states.FAILURE, error

    def _errback(self, errback: Any, error: Exception, info: ExceptionInfo) -> None:
        """An errback with room for it gets (request, exc, traceback), any other the failed task's id."""
        signature = maybe_signature(errback, app=self.task.app)
        task = signature.type
        if not task.bound and not task.is_async and task.shape.high - len(signature.args) > 1:
            task(*signature.args, self.request, error, info.traceback, **signature.kwargs)
        else:
            signature.apply((self.request.id,))

    def _left(self, state: str, value: Any, info: ExceptionInfo | None) -> None:
        task, request, about = self.task, self.request, self.about
        task.after_return(state, value, request.id, request.args, request.kwargs, info)
        signals.task_postrun.send(sender=task, task=task, retval=value, state=state, **about)


def _store(task: Any, request: Context, state: str, value: Any, text: str | None) -> None:
    """Keep the result when `task_store_eager_result` asks for it."""
    if not task.store_eager_result or request.ignore_result or state not in states.READY_STATES:
        return
    backend = task.app.backend()
    if backend is None:
        return
    if isinstance(value, BaseException):
        value = {
            "exc_type": type(value).__qualname__, "exc_message": [saferepr(one) for one in value.args],
            "exc_module": type(value).__module__,
        }  # fmt: skip
    expires, form = kept_for(task.app.conf, state), Form.of(task.app.conf)
    record = state_record(request.id, state, value, expires=expires, children=[], traceback=text, form=form)
    backend.store([record])


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, also where this thread's event loop is running already."""
    import asyncio  # noqa: PLC0415 - 40 ms that a program without coroutines does not pay
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - as above

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    run: Callable[..., Any] = copy_context().run
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(run, asyncio.run, coroutine).result()
