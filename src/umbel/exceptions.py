"""Every error that umbel raises, in one tree. Names are Celery's where Celery has one.

    UmbelError (CeleryError)
    |-- ImproperlyConfigured, SecurityError
    |     ContentDisallowed
    |-- SerializationError: EncodeError, DecodeError             a value that cannot be sent, bytes that cannot be read
    |     ContentTooLarge (a DecodeError)                        compressed bytes that grow past the limit
    |-- TaskPredicate: Ignore, Reject, Retry                     raised inside a task to decide its fate
    |-- TaskError
    |     QueueNotFound, IncompleteStream, NotRegistered, AlreadyRegistered, TimeoutError,
    |     MaxRetriesExceededError, TaskRevokedError, InvalidTaskError, ChordError
    |-- BackendError: BackendGetMetaError, BackendStoreError, UnknownResultError
    |-- OperationalError                                         the store did not do it; says what to do
    |     StoreUnavailable (StoreAway), StoreLocked, StoreFull, StoreReadOnly, StoreDamaged, StoreUnsuitable,
    |     PublishTimeout, QueueFull
    |-- NotFound                                                 asked for by name or id, not there
    |-- WorkersAlive                                             a store is to be emptied under somebody's hands
    |-- SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError, Terminated
    |-- MissingExtra (ImportError too), UnsupportedPlatform
    WorkerShutdown, WorkerTerminate (SystemExit)
    Interrupted (BaseException)                                  a stop of the worker inside a running function
    warnings: CeleryWarning (UserWarning) and its children; CPendingDeprecationWarning

On the wire an exception is named by module and type; `wire_module` gives Celery's module for those that Celery has.
"""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any, Final


class UmbelError(Exception):
    """Base of umbel's own errors."""


CeleryError = UmbelError


class ImproperlyConfigured(UmbelError):
    """A setting, URL or option cannot work; the sentence says which and what to write instead."""


class SecurityError(UmbelError):
    """Something untrusted was refused."""


class ContentDisallowed(SecurityError):
    """A message or result has a content type that `accept_content` does not name."""


class SerializationError(UmbelError):
    """Base of errors between values and bytes."""


class EncodeError(SerializationError):
    """A value cannot be written in the chosen serializer."""


class DecodeError(SerializationError):
    """Bytes are not what their content type says."""


class ContentTooLarge(DecodeError):
    """Compressed content grows past `decompressed_max_size`."""


class MissingExtra(ImproperlyConfigured, ImportError):
    """A technology needs a package that is not installed; the sentence has the command to type."""


class UnsupportedPlatform(ImproperlyConfigured):
    """A worker was asked for on a system where it cannot run."""


class TaskPredicate(UmbelError):
    """Base of what a task raises to decide its own fate."""


class Ignore(TaskPredicate):
    """Store no state for this run."""


class Reject(TaskPredicate):
    """Refuse the message.

    Args:
        reason: kept with it.
        requeue: True gives it back to the queue, False sets it aside in the dead letters.
    """

    def __init__(self, reason: Any = None, requeue: bool = False) -> None:
        self.reason = reason
        self.requeue = requeue
        super().__init__(reason, requeue)

    def __repr__(self) -> str:
        return f"reject requeue={self.requeue}: {self.reason}"


class Retry(TaskPredicate):
    """The task is to be run again.

    Args:
        message: for people.
        exc: why, an exception or its repr.
        when: seconds from now, or the moment.
        is_eager: it happened in `apply()`.
        sig: the next attempt as a signature.

    Attributes:
        parcel: the next attempt as a message (`message.Parcel`), set in a worker.
    """

    def __init__(
        self, message: str | None = None, exc: Any = None, when: float | datetime | None = None,
        is_eager: bool = False, sig: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.message = message
        self.exc = None if isinstance(exc, str) else exc
        self.excs = exc if isinstance(exc, str) else (repr(exc) if exc is not None else None)
        self.when = when
        self.is_eager = is_eager
        self.sig = sig
        self.parcel: Any = None
        super().__init__(message, exc, when, **kwargs)

    def humanize(self) -> str:
        """When it is run again, for people: "in 3s" or "at 2030-01-02 03:04:05"."""
        return f"in {self.when}s" if isinstance(self.when, int | float) else f"at {self.when}"

    def __str__(self) -> str:
        if self.message:
            return self.message
        return f"Retry {self.humanize()}: {self.excs}" if self.excs else f"Retry {self.humanize()}"


class TaskError(UmbelError):
    """Base of errors about one task."""


class QueueNotFound(KeyError, TaskError):
    """`task_create_missing_queues` is off and nothing declares that queue, or no queue is bound to that exchange."""

    def __str__(self) -> str:
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()  # a KeyError shows its argument's repr


class IncompleteStream(TaskError):
    """A part of a stream did not arrive."""


class NotRegistered(KeyError, TaskError):
    """No task of that name is known here."""

    def __repr__(self) -> str:
        return f"Task of kind {self} never registered, please make sure it's imported."


class AlreadyRegistered(TaskError):
    """A name is taken."""


class TimeoutError(TaskError, builtins.TimeoutError):
    """A result did not arrive in time."""


class MaxRetriesExceededError(TaskError):
    """`retry()` was called once more than `max_retries` allows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_args = kwargs.pop("task_args", ())
        self.task_kwargs = kwargs.pop("task_kwargs", {})
        super().__init__(*args)


class TaskRevokedError(TaskError):
    """The task was revoked; nobody will run it."""


class InvalidTaskError(TaskError):
    """A message is not a task message."""


class ChordError(TaskError):
    """A member of a chord failed."""


class ChainLostError(TaskError):
    """The rest of a long chain, which is stored beside the results, is gone: it expired, or was removed."""


class BackendError(UmbelError):
    """Base of errors of a result backend."""


class BackendGetMetaError(BackendError):
    """A result could not be read."""


class BackendStoreError(BackendError):
    """A result could not be written."""


class UnknownResultError(BackendError, LookupError):
    """No task of that id is stored, waiting or running in this store, so `get()` would wait for ever."""


class NotFound(UmbelError, LookupError):
    """What was asked for by name or id is not there."""


class WorkersAlive(UmbelError):
    """Somebody still works on what was to be moved away."""


class OperationalError(UmbelError):
    """The store did not do what was asked, and nothing of it happened."""


class StoreUnavailable(OperationalError):
    """It cannot be reached or opened."""


class StoreAway(StoreUnavailable):
    """Nobody answers where it should be, or it is not ready yet: it may come back by itself."""


class StoreLocked(OperationalError):
    """Somebody else held it for longer than the deadline."""


class StoreFull(OperationalError):
    """Its disk or memory is full."""


class StoreReadOnly(OperationalError):
    """It can be read but not written."""


class StoreDamaged(OperationalError):
    """The file is damaged, or is not umbel's."""


class StoreUnsuitable(OperationalError, ImproperlyConfigured):
    """It can be opened but would not keep umbel's promises (network file system, too new a schema)."""


class PublishTimeout(OperationalError, builtins.TimeoutError):
    """The store did not confirm within the deadline."""


class QueueFull(OperationalError):
    """The queue holds as many messages as `task_queue_max_length` allows."""


class SoftTimeLimitExceeded(UmbelError):
    """Raised inside the function when its soft time limit is over; it may clean up and return."""

    def __str__(self) -> str:
        return "SoftTimeLimitExceeded" + (f"{self.args}" if self.args else "()")


class TimeLimitExceeded(UmbelError):
    """The function ran past its hard limit and was stopped; the argument is the limit in seconds."""

    def __str__(self) -> str:
        return f"TimeLimitExceeded{self.args}"


class WorkerLostError(UmbelError):
    """The process that ran the task died."""


class Terminated(UmbelError):
    """The running task was stopped by `revoke(terminate=True)`."""


class WorkerShutdown(SystemExit):
    """Ask the worker to stop after what runs."""


class WorkerTerminate(SystemExit):
    """Ask the worker to stop at once."""


SystemTerminate = WorkerTerminate
RetryTaskError = Retry


class Interrupted(BaseException):
    """The worker stops and the grace period is over: raised inside a running function, whose message is handed back.

    A BaseException, so that ``except Exception`` in the function does not swallow it. Whatever the function returns or
    raises afterwards is discarded.
    """


class CeleryWarning(UserWarning):
    """Base of umbel's warnings."""


class AlwaysEagerIgnored(CeleryWarning):
    """`task_always_eager` has no effect on `send_task`."""


class CPendingDeprecationWarning(PendingDeprecationWarning):
    """What is done here will be done otherwise in a coming release."""


class DuplicateNodenameWarning(CeleryWarning):
    """Two workers have one node name."""


class DuplicateTaskNameWarning(CeleryWarning):
    """Two functions want one task name; the first one keeps it."""


class NotConfigured(CeleryWarning):
    """No configuration was found."""


class SecurityWarning(CeleryWarning):
    """Something is allowed that is dangerous."""


class UnknownSettingWarning(CeleryWarning):
    """A setting that umbel does not know."""


_BILLIARD: Final = frozenset({"SoftTimeLimitExceeded", "TimeLimitExceeded", "WorkerLostError", "Terminated"})
_KOMBU: Final = frozenset({"OperationalError", "ContentDisallowed", "SerializationError", "EncodeError", "DecodeError"})
_CELERY: Final = frozenset(
    {
        "CeleryError", "ImproperlyConfigured", "SecurityError", "TaskPredicate", "Ignore", "Reject", "Retry",
        "TaskError", "QueueNotFound", "IncompleteStream", "NotRegistered", "AlreadyRegistered", "TimeoutError",
        "MaxRetriesExceededError", "TaskRevokedError", "InvalidTaskError", "ChordError", "BackendError",
        "BackendGetMetaError", "BackendStoreError", "WorkerShutdown", "WorkerTerminate",
    }
)  # fmt: skip


def wire_module(kind: type[BaseException]) -> str:
    """Module name under which a result document names an exception class, so that Celery's clients can raise it.

    Example:
        >>> wire_module(WorkerLostError), wire_module(ValueError)
        ('billiard.exceptions', 'builtins')
    """
    if kind.__module__ != __name__:
        return kind.__module__
    name = kind.__name__
    if name in _BILLIARD:
        return "billiard.exceptions"
    if name in _KOMBU:
        return "kombu.exceptions"
    return "celery.exceptions" if name in _CELERY else __name__


def from_wire(module: str, name: str) -> type[BaseException] | None:
    """The class of this module that a document means by Celery's module and name, None when it is not one of them."""
    if module in ("celery.exceptions", "billiard.exceptions", "kombu.exceptions", __name__):
        found = globals().get("UmbelError" if name == "CeleryError" else name)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    return None
