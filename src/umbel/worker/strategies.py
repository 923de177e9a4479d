"""Strategies: what a task's class may do with its messages in the place of running each of them. Celery's names.

    class Batches(Task):
        def Strategy(self, task, app, consumer):        called once in each child
            def handle(message, body, ack, reject, callbacks, **kw):
                request = Req(message, on_ack=ack, on_reject=reject, app=app, task=task, ...)
                ...                                     keep it, run it later: consumer.pool.apply_async(...)
            return handle

`gathering` keeps what was handed over, finds it again in what the strategy runs, and settles it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import ImproperlyConfigured, OperationalError
from ..loading import symbol_by_name
from ..serialization import decode_json
from ..utils.timer import Timer
from .attempt import Attempt
from .told import Arrived, Received

if TYPE_CHECKING:
    from ..app import Umbel

Handler: TypeAlias = Callable[..., Any]


class Message(Arrived):
    """A message that a strategy is handed.

    Args:
        attempt: its run, if it is to run alone.
        leave: called when it is acknowledged or rejected.

    Attributes:
        acknowledged: whether it was.
        refused: None, or whether the strategy that rejected it wants it run again.
        wanted: whether it is to be run alone, in the usual way.
    """

    def __init__(self, attempt: Attempt, leave: Callable[[Message], Any]) -> None:
        super().__init__(attempt.delivery)
        self.attempt = attempt
        self.context = attempt.request
        self.acknowledged = self.wanted = False
        self.refused: bool | None = None
        self._leave = leave

    @property
    def payload(self) -> list[Any]:
        """Arguments, keyword arguments, and what is to follow, decoded."""
        context = self.context
        return [context.args, context.kwargs, context.embed]

    def decode(self) -> list[Any]:
        """The same."""
        return self.payload

    def ack(self, multiple: bool = False) -> None:
        """It has run. A second call does nothing.

        Args:
            multiple: accepted; each message is acknowledged by itself.
        """
        if not self.acknowledged:
            self.acknowledged = True
            self._leave(self)

    def reject(self, requeue: bool = False) -> None:
        """It is refused: set aside for good, or run again. A second call does nothing."""
        if not self.acknowledged:
            self.acknowledged, self.refused = True, requeue
            self._leave(self)

    def requeue(self) -> None:
        """It is to be run again."""
        self.reject(requeue=True)


class BasePool:
    """What runs functions.

    Args:
        limit: how many side by side, None where it is not known.
        app: the application.
        putlocks, forking_enable, callbacks_propagate, options: accepted, Celery's.
    """

    def __init__(
        self, limit: int | None = None, putlocks: bool = True, forking_enable: bool = True,
        callbacks_propagate: tuple[type[BaseException], ...] = (), app: Any = None, **options: Any,
    ) -> None:  # fmt: skip
        self.limit = limit
        self.app = app
        self.options = options

    @property
    def num_processes(self) -> int | None:
        """How many run side by side."""
        return self.limit

    def apply_async(
        self, target: Callable[..., Any], args: Any = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Run a function when there is room.

        Args:
            target: the function.
            args, kwargs: of it; the requests that it runs are among them, as a list.
            options: ``accept_callback`` is called with the process id and the time when it begins, ``callback`` with
                what it returned, ``error_callback`` with an `ExceptionInfo` when it raised.
        """
        return self.on_apply(target, args or (), dict(kwargs or {}), **options)

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        """What `apply_async` does; a subclass says it."""
        raise ImproperlyConfigured(f"{type(self).__name__} runs nothing: a pool has a method on_apply().")


class Receiving:
    """What a strategy gets as the consumer: the child, as far as it is concerned.

    Args:
        app: the application.
        hostname: node name.
        pool: runs what the strategy wants run.

    Attributes:
        timer: calls functions later, between two tasks.
        connection_errors: what is raised while the broker is away.
    """

    connection_errors = (OperationalError,)

    def __init__(self, app: Umbel, hostname: str, pool: BasePool) -> None:
        self.app = app
        self.hostname = hostname
        self.pool = pool
        self.timer = Timer()

    @property
    def event_dispatcher(self) -> Any:
        """Sends events in the worker's name."""
        return self.app.events.Dispatcher(hostname=self.hostname)


def start(task: Any, app: Umbel, consumer: Receiving) -> Handler:
    """The handler of a task's strategy.

    Args:
        task: the task; its ``Strategy`` is a method, a function or the path of one.
        app, consumer: what the strategy gets.
    """
    strategy = symbol_by_name(task.Strategy) if isinstance(task.Strategy, str) else task.Strategy
    handler: Handler = strategy(task, app, consumer)
    return handler


def create_request_cls(
    base: type[Received], task: Any, pool: BasePool, hostname: str | None, eventer: Any, *args: Any, **kwargs: Any
) -> type[Received]:  # fmt: skip
    """A class of requests of one task.

    Args:
        base: class to derive from.
        task: their task.
        pool: that runs them.
        hostname, eventer, args, kwargs: accepted, Celery's.
    """

    def execute_using_pool(self: Received, pool: BasePool = pool, **options: Any) -> Any:
        """Run its task with it alone."""
        return pool.apply_async(task, self.context.args, self.context.kwargs, **options)

    return type("Request", (base,), {"execute_using_pool": execute_using_pool, "__module__": base.__module__})


def default(task: Any, app: Umbel, consumer: Any, *args: Any, **kwargs: Any) -> Handler:
    """The strategy of a task whose class has none: each message is a run. For strategies that pick some messages out.

    Args:
        task, app, consumer: as a strategy gets them.
        args, kwargs: accepted, Celery's.
    """

    def handle(message: Message, body: Any, ack: Any, reject: Any, callbacks: Any, **kw: Any) -> None:
        message.wanted = True

    return handle


def proto1_to_proto2(message: Any, body: Any) -> tuple[tuple[Any, Any, dict[str, Any]], dict[str, Any], bool, bool]:
    """A message of Celery's protocol 1 in the form of protocol 2.

    Args:
        message: whose headers are kept.
        body: what it says: task, id, args, kwargs and the rest.

    Returns:
        body, headers, True (it is decoded), and whether its times are in UTC.

    Raises:
        ImproperlyConfigured: the keyword arguments are no mapping.
    """
    said = dict(body)
    args, kwargs = said.get("args") or (), said.get("kwargs") or {}
    if not isinstance(kwargs, Mapping):
        raise ImproperlyConfigured("The keyword arguments of a message are no mapping.")
    hard, soft = said.get("timelimit") or (None, None)
    headers = {
        **(getattr(message, "headers", None) or {}), **said, "argsrepr": repr(tuple(args)), "kwargsrepr": repr(kwargs),
        "ignore_result": said.get("ignore_result", False), "timelimit": (hard, soft),
        "group": said.get("taskset") or said.get("group"),
    }  # fmt: skip
    embed = {name: said.get(name) for name in ("callbacks", "errbacks", "chord", "chain")}
    return (tuple(args), dict(kwargs), embed), headers, True, bool(said.get("utc", True))


def hybrid_to_proto2(message: Any, body: Any) -> tuple[tuple[Any, Any, dict[str, Any]], dict[str, Any], bool, bool]:
    """A message with headers of protocol 2 and a body of protocol 1 in the form of protocol 2; see there."""
    found, headers, decoded, utc = proto1_to_proto2(message, decode_json(body) if isinstance(body, bytes) else body)
    return found, {**headers, **(getattr(message, "headers", None) or {})}, decoded, utc
