"""States that are written from outside of a run's outcome: a revocation by a client, progress by a running task."""

from __future__ import annotations

import signal as signals
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from . import clock, states
from .backend import Backend
from .broker import Broker, Revocation
from .message import has_followers
from .record import Record
from .serialization import compress_document, dumps

KEPT = 3 * 86_400.0
"""Seconds that a revocation is remembered: long enough for a retry of a running task that waits for days."""

STAMP: Final = "stamp:"
"""What the id of a revocation begins with that is for all tasks with a stamp: ``stamp:<header>=<value>``."""


def lifetime(setting: Any) -> float:
    """`result_expires` in seconds, 0.0 for ever.

    Example:
        >>> lifetime(timedelta(days=1)), lifetime(None)
        (86400.0, 0.0)
    """
    if setting is None:
        return 0.0
    return float(setting.total_seconds()) if isinstance(setting, timedelta) else float(setting)


def kept_for(conf: Any, status: str) -> float:
    """Seconds that a state is kept: a failure by `result_failure_expires`, all else by `result_expires`; 0.0 for ever.

    Args:
        conf: the app's settings.
        status: state name.
    """
    own = conf.result_failure_expires if status == states.FAILURE else None
    return lifetime(conf.result_expires if own is None else own)


def join_expires(conf: Any, now: float) -> float:
    """Unix time until which a chord is remembered of which nothing more is heard (`result_chord_expires`, else
    `result_expires`); 0.0 for ever.

    Args:
        conf: the app's settings.
        now: unix time.
    """
    own = conf.result_chord_expires
    seconds = lifetime(conf.result_expires if own is None else own)
    return now + seconds if seconds else 0.0


class Form(NamedTuple):
    """How documents are written: by `result_serializer` and `result_compression`."""

    serializer: str = "json"
    compression: str | None = None

    @classmethod
    def of(cls, conf: Any) -> Form:
        """The form of an app's settings."""
        return cls(conf.result_serializer, conf.result_compression)


_JSON = Form()


def state_record(
    task_id: str, status: str, result: Any, *, expires: float, children: list[Any] | None = None,
    parent_id: str | None = None, group_id: str | None = None, traceback: str | None = None, form: Form = _JSON,
) -> Record:  # fmt: skip
    """The record of one state.

    Args:
        task_id: the task's.
        status: any state.
        result: the field ``result``.
        expires: seconds that it is kept, 0 for ever.
        children, parent_id, group_id, traceback: the fields of these names.
        form: how it is written.
    """
    now = clock.wall()
    document = {"status": status, "result": result, "traceback": traceback, "children": children}
    document["date_done"] = clock.utcnow().isoformat() if status in states.READY_STATES else None
    if group_id is not None:
        document["group_id"] = group_id
    if parent_id is not None:
        document["parent_id"] = parent_id
    document["task_id"] = task_id
    _, _, data = dumps(document, form.serializer)
    if form.compression:
        data = compress_document(data, form.compression)
    return Record(task_id, status, data, now + expires if expires else 0.0)


def signal_name(wanted: str | int | None) -> str:
    """Name of a signal as revocations carry it.

    Example:
        >>> signal_name(None), signal_name("KILL"), signal_name(15)
        ('SIGTERM', 'SIGKILL', 'SIGTERM')
    """
    if wanted is None:
        return "SIGTERM"
    if isinstance(wanted, int):
        return signals.Signals(wanted).name
    name = wanted.upper()
    return name if name.startswith("SIG") else f"SIG{name}"


def stamp(header: str, value: Any) -> str:
    """The id of the revocation of a stamp.

    Example:
        >>> stamp("order", 7)
        'stamp:order=7'
    """
    return f"{STAMP}{header}={value}"


def stamps_of(stamps: Mapping[str, Any] | None) -> list[str]:
    """The same for all stamps of a message; a header may have several values.

    Example:
        >>> stamps_of({"order": [7, 8], "by": "ann"}), stamps_of(None)
        (['stamp:order=7', 'stamp:order=8', 'stamp:by=ann'], [])
    """
    found = []
    for header, value in (stamps or {}).items():
        found += [stamp(header, each) for each in (value if isinstance(value, list | tuple) else (value,))]
    return found


def revoke_stamped(
    broker: Broker, stamps: Sequence[str], *, terminate: bool = False, signal: str | int | None = None
) -> None:
    """Revoke all tasks with one of these stamps, those that are sent later too: whoever gets one discards it.

    Args:
        broker: where they were sent.
        stamps: as `stamps_of` makes them.
        terminate: also stop those that run.
        signal: for running ones, SIGTERM unless given.
    """
    until, name = clock.wall() + KEPT, signal_name(signal)
    control = broker.control()
    try:
        control.revoke([Revocation(one, terminate=terminate, signal=name, expires=until) for one in stamps])
    finally:
        control.close()


def revoke(
    broker: Broker, ids: Sequence[str], *, terminate: bool = False, signal: str | int | None = None,
    expires: float = 0.0, keep_results: bool = True, form: Form = _JSON, apart: Backend | None = None,
) -> list[str]:  # fmt: skip
    """Revoke tasks: those that wait are removed now, the others will not start.

    A waiting step of a chain, or member of a chord, is left to the worker that gets it: it discards it, and tells the
    tasks that wait for it.

    Args:
        broker: where they were sent.
        ids: task ids.
        terminate: also stop those that run.
        signal: for running ones, SIGTERM unless given.
        expires: seconds that the REVOKED state is kept, 0 for ever.
        keep_results: write that state.
        form: how it is written.
        apart: where it is kept, None for the broker, which writes it in the step that removes the message.

    Returns:
        ids of the messages that were removed.
    """
    until = clock.wall() + KEPT
    name = signal_name(signal)
    entries = [Revocation(one, terminate=terminate, signal=name, expires=until) for one in ids]
    error = {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "celery.exceptions"}
    kept = ids if keep_results else ()
    records = [state_record(one, states.REVOKED, error, expires=expires, form=form) for one in kept]
    control = broker.control()
    try:
        removed = control.revoke(entries, records if apart is None else (), has_followers)
    finally:
        control.close()
    gone = set(removed)
    if apart is not None and gone:  # whoever waits for one that will never run
        apart.store([record for record in records if record.id in gone])
    return removed
