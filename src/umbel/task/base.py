"""Task: a function with a name, options and hooks, that can be sent somewhere else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

from .. import retry as retrying
from ..canvas import Signature, chunks, xmap, xstarmap
from ..context import Context
from ..current import pop_request, push_request, request_of, request_var
from ..exceptions import ImproperlyConfigured, MaxRetriesExceededError, OperationalError, Retry
from ..message import Headers
from ..result import AsyncResult, EagerResult
from ..sender import current_sender
from ..withdraw import Form, kept_for, state_record
from . import eager
from .arguments import Arguments
from .binding import Binding
from .calls import Calls
from .hooks import Hooks
from .options import FROM_CONFIG, FromConfig
from .replacing import Replacing

P = ParamSpec("P")
R = TypeVar("R")


class Task(Binding, Calls[P, R], Hooks, Replacing):
    """Base of all tasks. Subclass it for hooks or shared state, and pass the class as ``base`` to ``@app.task``.

    Attributes:
        name: "module.function" unless given.
        max_retries: retries until it is given up; None: no bound.
        default_retry_delay: seconds before a retry that names none.
        time_limit, soft_time_limit: seconds.
        rate_limit_scope: "worker" for a rate limit of each worker, "cluster" for one of all of them together; None:
            `task_rate_limit_scope`.
        throws: exceptions that are expected, logged without a traceback.
        acks_late: acknowledged after its outcome is stored (True by default); False: before it runs.
        typing: check calls against the signature.
        Strategy: what a child does with its messages in the place of running each (`worker.strategies`).
        Request: the class of what a strategy keeps of a message.
        redact: keep its arguments and results out of logs, events and listings.

    Example:
        >>> class Noisy(Task):
        ...     def on_failure(self, exc, task_id, args, kwargs, einfo):
        ...         print("failed:", exc)
    """

    MaxRetriesExceededError = MaxRetriesExceededError
    OperationalError = OperationalError

    name: str = None  # type: ignore[assignment]  # None only on classes that are no task yet
    typing: bool = True
    max_retries: int | None = 3
    default_retry_delay: float = 180
    rate_limit: Any = FromConfig("rate_limit")
    rate_limit_scope: str | None = None
    ignore_result: Any = FromConfig("ignore_result")
    trail: bool = True
    send_events: bool = True
    store_eager_result: Any = FromConfig("store_eager_result")
    store_errors_even_if_ignored: Any = FromConfig("store_errors_even_if_ignored")
    serializer: Any = FromConfig("serializer")
    time_limit: Any = FromConfig("time_limit")
    soft_time_limit: Any = FromConfig("soft_time_limit")
    track_started: Any = FromConfig("track_started")
    acks_late: Any = FromConfig("acks_late")
    acks_on_failure_or_timeout: Any = FromConfig("acks_on_failure_or_timeout")
    acks_on_failure: Any = FromConfig("acks_on_failure")
    acks_on_timeout: Any = FromConfig("acks_on_timeout")
    reject_on_worker_lost: Any = FromConfig("reject_on_worker_lost")
    retry_on_worker_lost: Any = FromConfig("retry_on_worker_lost")
    priority: Any = FromConfig("priority")
    throws: tuple[type[BaseException], ...] = ()
    expires: Any = None
    queue: Any = None
    exchange: Any = None
    routing_key: str | None = None
    delivery_mode: Any = None
    compression: str | None = None
    resultrepr_maxsize: int = 1024
    abstract: bool = True
    redact: bool = False
    autoretry_for: tuple[type[BaseException], ...] = ()
    dont_autoretry_for: tuple[type[BaseException], ...] = ()
    retry_kwargs: Mapping[str, Any] | None = None
    retry_backoff: bool | float = False
    retry_backoff_max: float = 600
    retry_jitter: bool = True
    Strategy: Any = "umbel.worker.strategies:default"
    Request: Any = "umbel.worker.told:Received"
    bound: bool = False
    from_config = tuple(FROM_CONFIG.items())
    _default_request: Context | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.abstract = cls.__dict__.get("abstract", False)
        for option in FROM_CONFIG:
            if option in cls.__dict__ and cls.__dict__[option] is None:
                setattr(cls, option, FromConfig(option))

    @cached_property
    def shape(self) -> Arguments:
        """The function's signature."""
        return Arguments(self._function, self.bound, self.name)

    @property
    def _function(self) -> Callable[..., Any]:
        return getattr(self, "__wrapped__", None) or self.run

    @cached_property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self._function)

    @cached_property
    def custom_call(self) -> bool:
        """Whether the class has a ``__call__`` of its own, which a worker calls in the place of ``run``."""
        return self.overrides("__call__")

    def overrides(self, hook: str) -> bool:
        """Whether the class replaces a method of `Task`."""
        return getattr(type(self), hook) is not getattr(Task, hook)

    def is_explicit(self, option: str) -> bool:
        """Whether the task's author or the settings gave this option a value, whatever umbel's default is."""
        if not isinstance(inspect.getattr_static(self, option), FromConfig):
            return inspect.getattr_static(self, option) is not inspect.getattr_static(Task, option)
        explicit: bool = self.app.conf.is_explicit(FROM_CONFIG[option])
        return explicit

    @property
    def converts(self) -> bool:
        """Whether any argument needs converting by its annotation."""
        return bool(self.shape.types)

    def arguments(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """What arrived, as the function's annotations ask for it."""
        return self.shape.convert(args, kwargs)

    # Hooks

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The function; ``@app.task`` or a subclass provides it."""
        raise TypeError(f"The task {self.name} has no function to run: define run() in its class, or use @app.task")

    # Calling

    @property
    def request(self) -> Context:
        """The request of the run that this code is part of; an empty one outside of a run."""
        found: Context | None = request_of(self)
        if found is None:
            found = self._default_request
            if found is None:
                found = self._default_request = _direct(self, (), {})
        return found

    def push_request(self, *args: Any, **kwargs: Any) -> None:
        """Make a request the task's own until `pop_request`, so that a function that looks at it can be tested.

        Args:
            args, kwargs: its attributes, as `Context.update` takes them.

        Example:
            >>> fetch.push_request(id="an-id", retries=2)   # doctest: +SKIP
        """
        request = _direct(self, (), {})
        request.update(*args, **kwargs)
        push_request(self, request)

    def pop_request(self) -> Context:
        """Take away what `push_request` made, and return it.

        Raises:
            IndexError: the innermost request is of another task, or there is none.
        """
        request: Context | None = request_var.get()
        if request is None or request.running is not self:
            raise IndexError(f"The innermost request is not one of {self.name}; push_request makes it so.")
        request_var.set(request.outer)
        return request

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function here and now."""
        request: Context | None = request_var.get() if self.custom_call else None
        if request is not None and request.running is self and not (request.called_directly or request.protected):
            request.protected = True  # a worker calls a class's own __call__, which called this one
            return self.run(*args, **kwargs)  # type: ignore[no-any-return]
        if self.is_async:
            return self._acall(args, kwargs)  # type: ignore[return-value]
        token = push_request(self, _direct(self, args, kwargs))
        try:
            return self.run(*args, **kwargs)  # type: ignore[no-any-return]
        finally:
            pop_request(token)

    async def _acall(self, args: Any, kwargs: Any) -> Any:
        token = push_request(self, _direct(self, args, kwargs))
        try:
            return await self.run(*args, **kwargs)
        finally:
            pop_request(token)

    def apply(
        self, args: Any = None, kwargs: Any = None, link: Any = None, link_error: Any = None,
        task_id: str | None = None, retries: int | None = None, throw: bool | None = None, logfile: Any = None,
        loglevel: Any = None, headers: Mapping[str, Any] | None = None, **options: Any,
    ) -> EagerResult[R]:  # fmt: skip
        """Run the task here, as a worker would: through the serializer, with hooks, retries and callbacks.

        Args:
            throw: raise what the task raises; `task_eager_propagates` unless given.
            options: as `apply_async` takes them; those that concern sending have no effect.

        Example:
            >>> add.apply((2, 3)).get()   # doctest: +SKIP
            5
        """
        return eager.apply(
            self, args, kwargs, link=link, link_error=link_error, task_id=task_id, retries=retries or 0, throw=throw,
            headers=headers, options=options,
        )  # fmt: skip

    def retry(
        self, args: Any = None, kwargs: Any = None, exc: BaseException | None = None, throw: bool = True,
        eta: datetime | None = None, countdown: float | None = None, max_retries: int | None = None, **options: Any,
    ) -> Retry:  # fmt: skip
        """Run this task again later; raises `Retry`, so nothing after it is reached.

        Args:
            args, kwargs: of the next run; those of this one unless given.
            exc: why; raised when no retry is left.
            throw: False returns the `Retry`, and the next run is sent at once.
            eta, countdown: when; after `default_retry_delay` seconds unless given.
            max_retries: in the place of the task's.
            options: as `apply_async` takes them, in the place of this run's.

        Raises:
            Retry: always, unless ``throw`` is False.
            MaxRetriesExceededError: no retry is left and ``exc`` is not given.

        Example:
            >>> raise self.retry(exc=error, countdown=30)   # doctest: +SKIP
        """
        return retrying.retry(self, args, kwargs, exc, throw, eta, countdown, max_retries, options)

    def update_state(
        self, task_id: str | None = None, state: str | None = None, meta: Any = None, **kwargs: Any
    ) -> None:
        """Store a state of the running task, for instance its progress.

        Args:
            task_id: of another task.
            state: its name, any word.
            meta: what `AsyncResult.info` shows.
        """
        backend = self.app.backend()
        if backend is None:
            raise ImproperlyConfigured("update_state() needs a result store: set result_backend.")
        request = self.request
        record = state_record(
            task_id or request.id, state or "PENDING", meta, expires=kept_for(self.app.conf, state or "PENDING"),
            children=[], parent_id=request.parent_id, group_id=request.group, form=Form.of(self.app.conf),
        )  # fmt: skip
        record.reply_to = request.reply_to or ""
        backend.store((record,))

    def send_event(self, type_: str, retry: bool = True, retry_policy: Any = None, **fields: Any) -> None:
        """Say something of the running task to whoever watches, under its id; see `docs/monitoring.md`.

        Args:
            type_: type of the event, for instance ``"task-progress"``.
            retry, retry_policy: accepted, Celery's; an event waits in a queue while the broker is away.
            fields: what it says.
        """
        with self.app.events.default_dispatcher(hostname=self.request.hostname) as dispatcher:
            dispatcher.send(type_, uuid=self.request.id, **fields)

    # Signatures

    def signature(self, args: Any = None, *starargs: Any, **starkwargs: Any) -> Signature[R]:
        """This task with arguments and options, not sent yet; see `Signature`."""
        starkwargs.setdefault("app", self.app)
        return Signature(self, args, *starargs, **starkwargs)

    subtask = signature

    def s(self, *args: Any, **kwargs: Any) -> Signature[R]:
        """``.s(1, y=2)`` is ``.signature((1,), {"y": 2})``."""
        return self.signature(args, kwargs)

    def si(self, *args: P.args, **kwargs: P.kwargs) -> Signature[R]:
        """The same, immutable: it takes no result of a task before it."""
        return self.signature(args, kwargs, immutable=True)

    def map(self, it: Any) -> xmap:
        """One message in which the task is called with each of these arguments; see `xmap`.

        Example:
            >>> fetch.map(["https://a.example", "https://b.example"]).delay()   # doctest: +SKIP
        """
        return xmap(self.s(), it, app=self.app)

    def starmap(self, it: Any) -> xstarmap:
        """The same, where each argument is a tuple of arguments.

        Example:
            >>> add.starmap([(1, 2), (3, 4)]).delay()   # doctest: +SKIP
        """
        return xstarmap(self.s(), it, app=self.app)

    def chunks(self, it: Any, n: int) -> chunks:
        """These calls, ``n`` in each message; see `chunks`.

        Example:
            >>> add.chunks(zip(range(100), range(100)), 10)()   # doctest: +SKIP
        """
        return chunks(self.s(), it, n, app=self.app)

    def signature_from_request(
        self, request: Any = None, args: Any = None, kwargs: Any = None, queue: Any = None, **extra_options: Any
    ) -> Signature[R]:
        """The signature of the running message, to send it again."""
        request = self.request if request is None else request
        names = self.shape.names
        all_args, all_kwargs = retrying.rebound(names, (request.args or (), request.kwargs or {}), args, kwargs)
        options = {name: value for name, value in request.as_execution_options().items() if value is not None}
        info = request.delivery_info or {}
        if info.get("priority") is not None:
            options["priority"] = info["priority"]
        if queue:
            options["queue"] = queue
        elif info.get("exchange") == "" and info.get("routing_key"):
            options["queue"] = info["routing_key"]
        elif info:
            options.update(exchange=info.get("exchange"), routing_key=info.get("routing_key"))
        return self.signature(all_args, all_kwargs, **{**options, **extra_options})

    subtask_from_request = signature_from_request

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AsyncResult[R]:  # noqa: N802 - Celery's name
        """The handle on a run of this task, by id."""
        app = kwargs.pop("app", None) or self.app
        return AsyncResult(task_id, task_name=self.name, app=app, **kwargs).shaped(self.shape)

    def add_trail(self, result: Any) -> Any:
        """Note a result as a child of the running task."""
        if self.trail:
            self.request.children.append(result)
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        return _by_name, (self.name,)

    def __repr__(self) -> str:
        return f"<@task: {self.name} of {getattr(self._app, 'main', None)}>"


def _direct(task: Any, args: Any, kwargs: Any) -> Context:
    """The request of a task that is called as a function: it has no id."""
    headers = Headers(task.name or "", None)  # type: ignore[arg-type]  # as in Celery
    return Context(headers, None, args, kwargs, called_directly=True)


def _by_name(name: str) -> Any:
    return current_sender().tasks[name]
