"""Umbel: the application. It keeps settings and tasks, builds messages and opens the stores they go to."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Final, Self

from .. import signals
from ..backend import Watch, sends_results
from ..broker import Broker
from ..canvas import signature
from ..client import Client
from ..context import Context
from ..current import outbox_var, set_app, set_default
from ..exceptions import AlwaysEagerIgnored
from ..ids import new_id
from ..loading import default_store_url, mask_url, symbol
from ..message import Parcel
from ..result import AsyncResult, GroupResult
from ..routing import Declared, compile_routes, declare
from ..task import Task
from ..task.calls import sending_request
from ..template import Template
from . import django, producing, publishing
from .byclass import open_class
from .compose import Ways, compose
from .configured import Configured
from .connections import Connecting
from .joined import assert_joins, open_joins
from .options import broker_options, named_store, result_options
from .parts import Parts
from .programs import Programs
from .results import Results
from .stores import Stores
from .tasks import Tasks
from .watching import Watching

_RESULTS_WITH_BROKER: Final = ("sqlite", "memory")
"""Schemes of brokers that keep results too unless `result_backend` says otherwise."""


class Umbel(Configured, Tasks, Parts, Watching, Programs, Connecting):
    """An application.

    Args:
        main: its name; stands for ``__main__`` in task names, and names the default store.
        broker: URL of the broker; None: a SQLite file of the app's own.
        backend: URL of the result store; None: the broker's own file on SQLite, else no results.
        include: modules that a worker imports.
        set_as_current: make it the current app of this thread.
        changes: settings as a dictionary.
        config_source: as `config_from_object` takes it.
        namespace: prefix of names in ``config_source``.
        task_cls: base class of all tasks.
        tasks: tasks to register.
        settings: any setting by name; Celery's other constructor keywords are accepted.

    Attributes:
        backend: its results; ``app.backend()`` opens them for this thread, see `Results`.

    Raises:
        ImproperlyConfigured: a setting is wrong.

    Example:
        >>> app = Umbel("hello")
        >>> @app.task
        ... def add(x: int, y: int) -> int:
        ...     return x + y
        >>> add(2, 3)
        5
    """

    def __init__(
        self, main: str | None = None, broker: str | None = None, backend: str | None = None,
        include: Iterable[str] | None = None, set_as_current: bool = True, changes: Mapping[str, Any] | None = None,
        config_source: Any = None, namespace: str | None = None, task_cls: Any = None, tasks: Any = None,
        strict_typing: bool = True, **settings: Any,
    ) -> None:  # fmt: skip
        self.main = main
        self.strict_typing = strict_typing
        self._module_file = _defining_file()
        written = {**(changes or {}), **{key: settings[key] for key in settings if key not in _ACCEPTED}}
        named = {"broker_url": broker, "result_backend": backend, "include": tuple(include) if include else None}
        written.update({name: value for name, value in named.items() if value is not None})
        self._prepare_conf(written, config_source, namespace, silent=bool(settings.get("config_source_silent")))
        given = symbol(task_cls) if isinstance(task_cls, str) else task_cls
        self.task_cls = django.task_class(self.task_cls) if given is None else given
        self._templates: dict[Any, Template] = {}
        self._ways: Ways | None = None
        self._revision = -1
        self._stores = Stores(
            lambda: self.broker_url, lambda: self.write_url, lambda: self.result_url, self._store_options,
            partial(open_class, self),
        )  # fmt: skip
        self.backend = Results(self, self._stores.backend)
        self._prepare_tasks()
        if set_as_current:
            self.set_current()
        for task in (tasks or {}).values() if isinstance(tasks, Mapping) else tasks or ():
            self.register_task(task)
        self.on_init()

    def on_init(self) -> None:
        """Called at the end of the constructor; for subclasses."""

    # Settings

    @property
    def broker_url(self) -> str:
        """URL of the broker as workers consume from it, and as everything but sending goes to it."""
        return self._url("broker_read_url", "broker_url", "broker_write_url")

    @property
    def write_url(self) -> str:
        """URL of the broker as messages are sent to it."""
        return self._url("broker_write_url", "broker_url", "broker_read_url")

    def _url(self, *settings: str) -> str:
        url = next(filter(None, map(self.conf.__getitem__, settings)), None)
        if not url:
            return default_store_url(self.main or "default", self._module_file)
        urls = [str(one) for one in url] if isinstance(url, list | tuple) else str(url).split(";")
        return ";".join(urls) if urls[0].startswith("sentinel:") else urls[0].partition(";")[0]

    @property
    def result_url(self) -> str | None:
        """URL of the results, None when none are kept."""
        url = self.conf.result_backend
        if url is None and not self.conf.has_celery_defaults:
            broker = self.broker_url
            return broker if broker.partition(":")[0] in _RESULTS_WITH_BROKER else None
        return None if url in (None, "", "disabled") else named_store(str(url), self.conf.database_url)

    @property
    def shown_broker_url(self) -> str:
        """The same without its password, for people."""
        return mask_url(self.broker_url)

    @property
    def settles_results(self) -> bool:
        """Whether the broker stores a result in the step that settles its message."""
        return self.result_url == self.broker_url and self.broker.abilities.results

    @property
    def keeps_results(self) -> bool:
        """Whether results are kept by their ids: neither sent to whoever called, nor dropped."""
        return self.result_url is not None and not sends_results(self.result_url)

    def _store_options(self) -> tuple[dict[str, Any], dict[str, Any]]:
        broker = broker_options(self.conf, self.declared)
        return broker, result_options(self.conf, self.write_url, broker)

    # Stores

    @property
    def broker(self) -> Broker:
        """The broker, opened when it is first needed, and again in a forked process."""
        return self._stores.broker

    def watch(self) -> Watch:
        """This thread's subscription to results."""
        return self._stores.watch()

    def client(self) -> Client:
        """The thread that does the waiting of coroutines."""
        return self._stores.client()

    def after_fork(self) -> None:
        """Nothing that a parent has opened is used in its children; it happens by itself where the platform tells."""
        self._templates.clear()
        self.on_after_fork.send(sender=self)

    def close(self) -> None:
        """Close what was opened; it is opened again when it is needed."""
        self._stores.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Sending

    def template(
        self, name: str, task: Any, options: Mapping[str, Any], call: tuple[Any, Any] | None = ((), {})
    ) -> Template:
        """The message of a call of ``name`` under these options, with blanks for the call itself; None: not known."""
        revision = self.conf.revision
        if self._revision != revision or not self.finalized:
            self._refresh()
        plain = not options and task is not None
        if plain:
            known = self._templates.get(task)
            if known is not None:
                return known
        if task is not None and task.overrides("shadow_name") and not options.get("shadow"):
            shadow = task.shadow_name(*(call or ((), {})), options)
            options, plain = {**options, "shadow": shadow}, False
        ways = self._ways or self._refresh()
        made = compose(self.conf, ways, name, task, options, call)
        if plain and made.expires is None and not made.each_call and self.conf.revision == revision:
            self._templates[task] = made
        return made

    def _refresh(self) -> Ways:
        """Settings have changed since the last message."""
        self.finalize()
        self._revision = self.conf.revision
        self.tells_sent = bool(self.conf.task_send_sent_event)
        self._templates.clear()
        self._ways = None  # what is wrong in the settings is told with every call, not only with the first
        routes = compile_routes(self.conf.task_routes, symbol)
        self._ways = ways = Ways.of(
            self.conf, routes, self._stores.nine_is_urgent, lambda: self.broker.abilities.exchanges
        )  # fmt: skip
        return ways

    @property
    def declared(self) -> Declared:
        """The queues that the settings declare, and what is bound to what."""
        return declare(self.conf)

    def fill(self, template: Template, args: Any, kwargs: Any, task_id: str, parent: Context | None) -> Parcel:
        """The message of one call."""
        parcel = template.fill(args, kwargs, task_id, parent)
        if signals.before_task_publish.receivers:
            parcel = publishing.announce(template, parcel, args, kwargs)
        return parcel

    def publish(self, parcels: Sequence[Parcel], retry_policy: Mapping[str, Any] | None = None) -> None:
        """Hand messages to the broker: all of them, or none and an error within `task_publish_deadline` seconds."""
        outbox = outbox_var.get()
        if outbox is not None:
            outbox.put(parcels, retry_policy)
            return
        open_joins(self, parcels, anew=True)
        conf = self.conf
        send = partial(
            publishing.publish, self._stores.publisher, parcels, deadline=conf.task_publish_deadline,
            limits=conf.task_queue_max_length or None, retry_policy=retry_policy,
        )  # fmt: skip
        if producing.is_watched():
            producing.through(self.connection_for_write(), parcels, send)
        else:
            send()
        self.told(parcels)

    def told(self, parcels: Sequence[Parcel]) -> None:
        """The broker has taken these messages: signals and events that say so."""
        self.tell_published(parcels)
        if self.tells_sent:
            self.tell_sent(parcels)

    def tell_published(self, parcels: Sequence[Parcel]) -> None:
        """Send the signals that follow a message's sending: it is sent, or leaves with the end of the running task."""
        if signals.after_task_publish.receivers or signals.task_sent.receivers:
            publishing.report(parcels)

    def build(
        self, name: str, args: Any, kwargs: Any, *, task: Any = None, parent: Context | None = None, **options: Any
    ) -> Parcel:
        """The message of one call; nothing is sent."""
        template = self.template(name, task, options, (args, kwargs))
        return self.fill(template, args, kwargs, options.get("task_id") or new_id(), parent)

    def send_task(
        self, name: str, args: Any = None, kwargs: Any = None, countdown: float | None = None, eta: Any = None,
        task_id: str | None = None, producer: Any = None, connection: Any = None, router: Any = None,
        result_cls: Any = None, expires: Any = None, publisher: Any = None, link: Any = None, link_error: Any = None,
        add_to_parent: bool = True, **options: Any,
    ) -> AsyncResult[Any]:  # fmt: skip
        """Send a task by name; it does not have to be known here.

        Args:
            name: task name.
            args, kwargs: its arguments.
            options: as `Task.apply_async` takes them.

        Example:
            >>> app.send_task("proj.tasks.add", (2, 3), queue="slow")   # doctest: +SKIP
        """
        args, kwargs = list(args or ()), dict(kwargs or {})
        given = {
            **options, "countdown": countdown, "eta": eta, "link": link, "link_error": link_error,
            "add_to_parent": add_to_parent,
        }  # fmt: skip
        if expires is not None:
            given["expires"] = expires
        if self.conf.task_always_eager:
            warnings.warn("task_always_eager has no effect on send_task.", AlwaysEagerIgnored, stacklevel=2)
        known = self._tasks.get(name)
        template = self.template(name, known, given, (args, kwargs))
        parent = sending_request()
        parcel = self.fill(template, args, kwargs, task_id or new_id(), parent)
        self.publish(template.spread(parcel), template.retry_policy)
        shape = known.shape if known is not None else None
        result: AsyncResult[Any] = AsyncResult.sent(parcel.id, self, shape, bool(template.ignore_result))
        if parent is not None and add_to_parent:
            parent.children.append(result)
        return result

    def AsyncResult(self, id: str, **kwargs: Any) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """The handle on a task by id."""
        return AsyncResult(id, app=self, **kwargs)

    def GroupResult(self, id: str | None = None, results: Any = None, **kwargs: Any) -> GroupResult:  # noqa: N802 - as above
        """The results of a group; those that were saved under an id are found by `GroupResult.restore`."""
        return GroupResult(id, results, app=self, **kwargs)

    def signature(self, *args: Any, **kwargs: Any) -> Any:
        """A signature that this app sends."""
        kwargs["app"] = self
        return signature(*args, **kwargs)

    def assert_joins(self) -> None:
        """Refuse a chord where nobody could tell that its last member has ended.

        Raises:
            ImproperlyConfigured: no store can gather the members.
        """
        assert_joins(self, self.result_url)

    # What is current

    def set_current(self) -> None:
        """Make it the current app of this thread."""
        set_app(self)

    def set_default(self) -> None:
        """Make it the app of threads that have no current one."""
        set_default(self)

    Task = Task

    def report(self) -> str:
        """What to put into a bug report: versions, stores and settings, without secrets."""
        results = mask_url(self.result_url) if self.result_url else "none"
        lines = [f"umbel app:{self.main} python:{sys.version.split()[0]} platform:{sys.platform}"]
        lines.append(f"broker:{self.shown_broker_url} results:{results}")
        lines += [f"{name}: {value!r}" for name, value in sorted(self.conf.table().items())]
        return "\n".join(lines)

    def bugreport(self) -> str:
        """The same, by Celery's name."""
        return self.report()

    def __repr__(self) -> str:
        return f"<Umbel {self.main or '__main__'}>"


_ACCEPTED: Final = frozenset(
    {
        "loader", "amqp", "events", "log", "control", "fixups", "autofinalize", "config_source_silent",
    }
)  # fmt: skip
"""Celery's constructor keywords that are about its own parts."""


def _defining_file() -> str | None:
    """The file of the module that creates the app."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect would load every source file to say the same
    package = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame = frame.f_back
    found: str | None = frame.f_globals.get("__file__") if frame is not None else None
    return found
