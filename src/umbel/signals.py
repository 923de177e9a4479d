"""Signals: a place where applications hear what happens, and can never change what becomes of a task.

A receiver's error is logged and kept in the answers; it goes no further. Receivers are held weakly unless they ask
otherwise, so a bound method lives as long as its object. The list of receivers is copied before it is walked and
changed by single steps only, so threads need no lock; ``if signal.receivers`` costs nothing when nobody listens.

    who sends what, and when        Celery's table of signals holds; `on_*` handlers and `task_*` signals run before
                                    the outcome is stored
"""

from __future__ import annotations

import inspect
import logging
import time
import weakref
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

import msgspec

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

logger = logging.getLogger("umbel.signals")

_RETRY_STEP: Final = 2.0
_RETRY_LONGEST: Final = 30.0
_RETRY_LIMIT: Final = 10
_pause = time.sleep


class Receiver(msgspec.Struct, frozen=True, weakref=True):
    """One connection.

    Attributes:
        key: identity of receiver (or its ``dispatch_uid``) and sender; a second connection with it changes nothing.
        sender: identity of the only sender it hears, None for all.
        get: gives the function, None when it is gone.
        retry: run it again when it fails.
    """

    key: tuple[Any, Any]
    sender: Any
    get: Callable[[], Function | None]
    retry: bool


class Signal:
    """A list of receivers.

    Args:
        providing_args: names of what `send` passes; for people.
        use_caching: accepted for Celery's sake, without effect.
        name: for people.

    Example:
        >>> greeted = Signal(name="greeted")
        >>> @greeted.connect
        ... def on_greeting(sender, **kwargs):
        ...     return f"from {sender}"
        >>> [answer for _, answer in greeted.send(sender="me")]
        ['from me']
    """

    def __init__(self, providing_args: Any = None, use_caching: bool = False, name: str | None = None) -> None:
        self.providing_args = set(providing_args or ())
        self.name = name
        self.receivers: list[Receiver] = []

    @overload
    def connect(
        self, fun: F, /, sender: Any = None, weak: bool = True, dispatch_uid: Any = None, retry: bool = False
    ) -> F: ...

    @overload
    def connect(
        self, *, sender: Any = None, weak: bool = True, dispatch_uid: Any = None, retry: bool = False
    ) -> Callable[[F], F]: ...

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Add a receiver, as a call or as a decorator with or without options.

        Args:
            *args: the function, then the options below by position.
            **kwargs: ``sender`` (hear only this one), ``weak`` (True: the connection ends with the receiver),
                ``dispatch_uid`` (any value; a second receiver with it is not added), ``retry`` (run it again, after 2,
                4, ... 30 seconds, up to 10 times, when it fails).

        Returns:
            The function, or a decorator when no function was given.

        Raises:
            ValueError: the function does not accept keyword arguments.
        """
        if args and callable(args[0]):
            self._add(*args, **kwargs)
            return args[0]

        def decorate(receiver: F) -> F:
            self._add(receiver, *args, **kwargs)
            return receiver

        return decorate

    def _add(
        self, receiver: Function, sender: Any = None, weak: bool = True, dispatch_uid: Any = None, retry: bool = False
    ) -> None:
        if not _accepts_keywords(receiver):
            raise ValueError(f"The receiver {receiver!r} must accept keyword arguments; add **kwargs to it.")
        key = _key(receiver, sender, dispatch_uid)
        get = _reference(receiver, lambda _gone: self._drop(key)) if weak else lambda: receiver
        if all(known.key != key for known in list(self.receivers)):
            self.receivers.append(Receiver(key, key[1], get, retry))

    def disconnect(self, receiver: Any = None, sender: Any = None, weak: Any = None, dispatch_uid: Any = None) -> bool:
        """Remove the connection of a receiver, or of a ``dispatch_uid``. Returns whether there was one."""
        return self._drop(_key(receiver, sender, dispatch_uid))

    def _drop(self, key: tuple[Any, Any]) -> bool:
        found = [known for known in list(self.receivers) if known.key == key]
        for known in found:
            try:
                self.receivers.remove(known)
            except ValueError:  # another thread was faster
                pass
        return bool(found)

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether somebody would hear this sender."""
        return bool(self._live(sender))

    def _live(self, sender: Any) -> list[tuple[Receiver, Function]]:
        if not self.receivers:
            return []
        wanted = _identity(sender)
        return [
            (known, function)
            for known in list(self.receivers)
            if (known.sender is None or known.sender == wanted) and (function := known.get()) is not None
        ]

    def send(self, sender: Any, **named: Any) -> list[tuple[Function, Any]]:
        """Call every receiver with ``signal``, ``sender`` and the named values.

        Returns:
            (receiver, what it returned or the error it raised), in the order of connection.
        """
        return [(function, _answer(self, known, function, sender, named)) for known, function in self._live(sender)]

    send_robust = send

    def __repr__(self) -> str:
        return f"<Signal: {self.name or 'unnamed'} providing_args={sorted(self.providing_args)}>"


def _answer(signal: Signal, known: Receiver, function: Function, sender: Any, named: dict[str, Any]) -> Any:
    tries = _RETRY_LIMIT if known.retry else 0
    for again in range(tries + 1):
        try:
            return function(signal=signal, sender=sender, **named)
        except Exception as error:  # a receiver is the user's
            if again == tries:
                logger.exception("The receiver %r of signal %s failed.", function, signal.name)
                return error
            wait = min(_RETRY_STEP * (again + 1), _RETRY_LONGEST)
            logger.exception("The receiver %r of signal %s failed; again in %g s.", function, signal.name, wait)
            _pause(wait)
    return None


def _reference(receiver: Function, gone: Callable[[Any], Any]) -> Callable[[], Function | None]:
    if inspect.ismethod(receiver):
        return weakref.WeakMethod(receiver, gone)
    try:
        return weakref.ref(receiver, gone)
    except TypeError:  # built-in functions cannot be held weakly, and never go
        return lambda: receiver


def _accepts_keywords(receiver: Function) -> bool:
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):  # some built-ins do not say
        return True
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _identity(target: Any) -> Any:
    """What a sender is recognized by: texts by value, anything else by being the same object."""
    if target is None or isinstance(target, str | bytes):
        return target
    current = getattr(type(target), "_get_current_object", None)  # a proxy of an app or task stands for it
    if current is not None:
        return _identity(current(target))
    if inspect.ismethod(target):
        return id(target.__self__), id(target.__func__)
    return id(target)


def _key(receiver: Any, sender: Any, dispatch_uid: Any) -> tuple[Any, Any]:
    return (dispatch_uid if dispatch_uid is not None else _identity(receiver)), _identity(sender)


_TASK: Final = ("task_id", "task", "args", "kwargs")
_LOGGER: Final = ("logger", "loglevel", "logfile", "format", "colorize")


def _signal(name: str, *providing_args: str) -> Signal:
    return Signal(providing_args=providing_args, name=name)


# The sender's side
before_task_publish = _signal(
    "before_task_publish", "body", "exchange", "routing_key", "headers", "properties", "declare", "retry_policy"
)
after_task_publish = _signal("after_task_publish", "body", "exchange", "routing_key", "headers")
task_sent = _signal("task_sent", *_TASK, "eta", "taskset")

# A task in a worker
task_received = _signal("task_received", "request")
task_prerun = _signal("task_prerun", *_TASK)
task_postrun = _signal("task_postrun", *_TASK, "retval", "state")
task_success = _signal("task_success", "result", "runtime")
task_retry = _signal("task_retry", "request", "reason", "einfo")
task_failure = _signal("task_failure", "task_id", "exception", "args", "kwargs", "traceback", "einfo")
task_internal_error = _signal(
    "task_internal_error", "task_id", "args", "kwargs", "request", "exception", "traceback", "einfo"
)
task_revoked = _signal("task_revoked", "request", "terminated", "signum", "expired")
task_rejected = _signal("task_rejected", "message", "exc")
task_unknown = _signal("task_unknown", "message", "exc", "name", "id")

# A worker's life
import_modules = _signal("import_modules")
celeryd_init = _signal("celeryd_init", "instance", "conf", "options")
celeryd_after_setup = _signal("celeryd_after_setup", "instance", "conf")
worker_init = _signal("worker_init")
worker_before_create_process = _signal("worker_before_create_process")
worker_process_init = _signal("worker_process_init")
worker_process_shutdown = _signal("worker_process_shutdown", "pid", "exitcode")
worker_ready = _signal("worker_ready")
heartbeat_sent = _signal("heartbeat_sent")
worker_shutting_down = _signal("worker_shutting_down", "sig", "how", "exitcode")
worker_shutdown = _signal("worker_shutdown")

# Logs, beat, pools, command line
setup_logging = _signal("setup_logging", "loglevel", "logfile", "format", "colorize")
after_setup_logger = _signal("after_setup_logger", *_LOGGER)
after_setup_task_logger = _signal("after_setup_task_logger", *_LOGGER)
beat_init = _signal("beat_init")
beat_embedded_init = _signal("beat_embedded_init")
eventlet_pool_started = _signal("eventlet_pool_started")
eventlet_pool_preshutdown = _signal("eventlet_pool_preshutdown")
eventlet_pool_postshutdown = _signal("eventlet_pool_postshutdown")
eventlet_pool_apply = _signal("eventlet_pool_apply", "target", "args", "kwargs")
user_preload_options = _signal("user_preload_options", "app", "options")
