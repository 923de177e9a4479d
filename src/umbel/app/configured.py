"""The settings of an app: where they come from, when they are read, and who hears of it.

    written   app.conf.x = ..., app.conf.update(...), add_defaults, add_periodic_task: nothing is read yet
    read      when somebody asks for the first setting, once:
              on_configure -> the configuration -> add_defaults -> add_periodic_task -> on_after_configure

So an app that is being put together imports no settings, and a receiver of `on_after_configure` finds all of them.
Another `config_from_object` begins anew.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ..canvas import Signature
from ..conf import Settings, overrides
from ..exceptions import ImproperlyConfigured
from ..signals import Signal
from .compose import now, zone

logger = logging.getLogger("umbel.app")


class Conf(Settings):
    """The settings of an app; it counts their changes, so that what was made from them can be made anew."""

    def __init__(self, written: Mapping[str, Any], app: Configured) -> None:
        self.__dict__["_revision"] = 0
        super().__init__(written)
        self.__dict__.update(_app=weakref.ref(app), _unread=True)

    @property
    def revision(self) -> int:
        """Number of changes so far."""
        found: int = self.__dict__["_revision"]
        return found

    @property
    def is_read(self) -> bool:
        """Whether somebody has asked for a setting yet."""
        return "_unread" not in self.__dict__

    def __setitem__(self, written: str, value: Any) -> None:
        super().__setitem__(written, value)
        self.__dict__["_revision"] += 1

    def __delitem__(self, written: str) -> None:
        super().__delitem__(written)
        self.__dict__["_revision"] += 1

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As of a dict. Before the first setting was asked for it looks at what was written to ``conf`` only."""
        if not self.is_read and not self.is_written(key):
            self[key] = default
            return default
        return super().setdefault(key, default)

    def config_from_object(
        self, source: Any, namespace: str | None = None, *, force: bool = False, silent: bool = False
    ) -> None:
        self.__dict__["_unread"] = True
        super().config_from_object(source, namespace, force=force, silent=silent)

    def _load(self) -> None:
        app = self._app() if self.__dict__.pop("_unread", False) else None  # by one thread only
        if app is None:
            super()._load()
            return
        try:
            app.announce_reading()
            super()._load()
            app.complete()
        except BaseException:
            self.__dict__["_unread"] = True  # a wrong configuration is told at every read until it is right
            raise
        app.on_after_configure.send(sender=app, source=self)

    def _forget(self) -> None:
        super()._forget()
        self.__dict__["_revision"] += 1


class Configured:
    """The part of `Umbel` that has settings.

    Attributes:
        user_options: options of your own on the command line, as `click.Option`: "preload" for all commands, "worker",
            "beat".
        steps: bootsteps of your own, as classes or import paths: "worker", "consumer"; see `bootsteps`.
        on_configure: signal, before the configuration is read; a subclass may have a method in its place.
        on_after_configure: signal, when it has been read; ``source`` is ``app.conf``.
        on_after_finalize: signal, when all tasks are known.
        on_after_fork: signal, in each child of a worker.
    """

    conf: Conf
    on_configure: Any = None
    on_after_configure: Signal
    on_after_finalize: Signal
    on_after_fork: Signal
    signature: Callable[..., Signature[Any]]

    def _prepare_conf(
        self, written: Mapping[str, Any], source: Any, namespace: str | None, *, silent: bool
    ) -> None:  # fmt: skip
        if self.on_configure is None:
            self.on_configure = Signal(name="app.on_configure")
        self.on_after_configure = Signal({"source"}, name="app.on_after_configure")
        self.on_after_finalize = Signal(name="app.on_after_finalize")
        self.on_after_fork = Signal(name="app.on_after_fork")
        self.user_options: defaultdict[str, set[Any]] = defaultdict(set)
        self.steps: defaultdict[str, set[Any]] = defaultdict(set)
        self._pending_defaults: list[Callable[[], Mapping[str, Any]]] = []
        self._pending_periodic: list[tuple[str, dict[str, Any], bool]] = []
        self.conf = Conf(written, self)
        if source is not None or namespace is not None:
            self.conf.config_from_object(source or {}, namespace, silent=silent)

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> None:
        """Take settings from a module, object or dictionary; see `Settings.config_from_object`.

        Example:
            >>> app.config_from_object("proj.settings", namespace="CELERY")   # doctest: +SKIP
        """
        self.conf.config_from_object(obj, namespace, force=force, silent=silent)

    def config_from_envvar(self, variable_name: str, silent: bool = False, force: bool = False) -> bool:
        """Take settings from the module that an environment variable names.

        Args:
            variable_name: the variable.
            silent: one that is not set, or a module that cannot be imported, counts as empty.
            force: read it now.

        Returns:
            Whether the variable is set.

        Raises:
            ImproperlyConfigured: the variable is not set.

        Example:
            >>> app.config_from_envvar("PROJ_SETTINGS")   # doctest: +SKIP
        """
        module = os.environ.get(variable_name)
        if not module:
            if silent:
                return False
            raise ImproperlyConfigured(
                f"The environment variable {variable_name} is not set: set it to the name of a module with settings."
            )
        self.config_from_object(module, silent=silent, force=force)
        return True

    def config_from_cmdline(self, argv: Iterable[str], namespace: str = "celery") -> None:
        """Write the settings of a command line: ``worker.prefetch_multiplier=1``, ``broker_pool_limit=(int)5``.

        Args:
            argv: the words; see `conf.overrides`.
            namespace: what a word that begins with a dot is about: ``.concurrency=2`` is ``worker_concurrency``
                for "worker".

        Raises:
            ImproperlyConfigured: a word is none of this kind, or names no setting.
        """
        self.conf.update(overrides(argv, namespace))

    def add_defaults(self, fun: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> None:
        """Give settings other defaults; what the configuration or ``conf`` says is above them.

        Args:
            fun: the defaults, or a function that gives them when the configuration is read.

        Example:
            >>> app.add_defaults({"task_time_limit": 60})   # doctest: +SKIP
        """
        make = fun if callable(fun) else lambda: fun
        if self.conf.is_read:
            self.conf.add_defaults(make())
        else:
            self._pending_defaults.append(make)

    def add_periodic_task(
        self, schedule: Any, sig: Any, args: Any = (), kwargs: Any = (), name: str | None = None, **opts: Any
    ) -> str:
        """Add an entry to `beat_schedule`.

        Args:
            schedule: seconds, a timedelta, a cron string or a schedule of `umbel.schedules`.
            sig: a signature or a task.
            args, kwargs: of the task; added to those of a signature.
            name: of the entry; the signature's text unless given.
            opts: as `Task.apply_async` takes them, and what `umbel.schedules.Policy` has (``overlap="skip"``).

        Returns:
            The name of the entry.

        Raises:
            ValueError: it would never run: an interval below zero, a text that is no cron string.

        Example:
            >>> @app.on_after_configure.connect
            ... def schedule_clean(sender, **kwargs):
            ...     sender.add_periodic_task(30.0, clean.s("/tmp"), name="clean")   # doctest: +SKIP
        """
        # 15 ms that most programs do not need
        from ..schedules import Policy, maybe_schedule, read_policy  # noqa: PLC0415 - see above

        if isinstance(schedule, str | int | float | timedelta):
            maybe_schedule(schedule, app=self)  # refused here, where the line that is wrong can be seen
        given = dict(kwargs or {})
        call = sig.clone(args, given) if isinstance(sig, Signature) else self.signature(sig.name, args, given)
        key = name or repr(call)
        policy = {word: opts.pop(word) for word in Policy.__struct_fields__ if word in opts and word != "expires"}
        read_policy(policy)  # refused here as well
        entry = {
            "schedule": schedule, "task": call.task, "args": call.args, "kwargs": call.kwargs,
            "options": {**call.options, **opts}, **policy,
        }  # fmt: skip
        if self.conf.is_read:
            self._add_entry(key, entry, named=name is not None)
        else:
            self._pending_periodic.append((key, entry, name is not None))
        return key

    def _add_entry(self, key: str, entry: dict[str, Any], *, named: bool) -> None:
        entries = self.conf.beat_schedule  # changed in its place: another configuration begins with its own
        if not named and key in entries:
            logger.warning("Two periodic tasks are called %r, the later one stays; give add_periodic_task a name", key)
        entries[key] = entry

    def announce_reading(self) -> None:
        """The configuration is about to be read; called by the settings."""
        if isinstance(self.on_configure, Signal):
            self.on_configure.send(sender=self)
        else:
            self.on_configure()

    def complete(self) -> None:
        """It has been read: what was asked for before is added; called by the settings."""
        while self._pending_defaults:
            self.conf.add_defaults(self._pending_defaults[0]())
            del self._pending_defaults[0]  # not before: one that fails is tried again with the next read
        pending, self._pending_periodic = self._pending_periodic, []
        for key, entry, named in pending:
            self._add_entry(key, entry, named=named)

    def either(self, default_key: str, *defaults: Any) -> Any:
        """The first of these values that is not None, else the setting.

        Example:
            >>> app.either("task_default_queue", None, "mail")   # doctest: +SKIP
            'mail'
        """
        return next((value for value in defaults if value is not None), self.conf.get(default_key))

    @property
    def timezone(self) -> tzinfo:
        """The time zone of the settings, as an object."""
        return zone(self.conf) or datetime.now().astimezone().tzinfo or UTC

    def now(self) -> datetime:
        """This moment, aware, as messages write it."""
        return now(self.conf)
