"""Logging of a worker: its own loggers, never the root logger.

``umbel`` (and ``celery.task``, where `get_task_logger` puts a task's logger when asked by Celery's name) get one
handler to standard error or a file. Every record of theirs carries the task's id and name from the context; outside
of a task they are ``???``, as in Celery.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from .. import signals
from ..current import request_var
from ..utils.log import TASK_LOGGER

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = ("umbel", "celery")
"""Loggers that a worker sets up."""

_process = ["MainProcess"]


def name_process(number: int) -> None:
    """Name a child as Celery names it, for ``%(processName)s``; 0 is the supervisor."""
    _process[0] = f"ForkPoolWorker-{number}" if number else "MainProcess"


class TaskContext(logging.Filter):
    """Adds ``task_id``, ``task_name`` and the child's name to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = request_var.get()
        record.task_id = getattr(request, "id", None) or "???"
        record.task_name = getattr(request, "task", None) or "???"
        record.processName = _process[0]
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (unix seconds), level, logger, process, message, task_id, task_name, exception."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": record.created, "level": record.levelname, "logger": record.name, "process": record.processName,
            "pid": record.process, "message": record.getMessage(),
        }  # fmt: skip
        for name in ("task_id", "task_name"):
            value = getattr(record, name, "???")
            if value != "???":
                entry[name] = value
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class _Formatter(logging.Formatter):
    """Celery's two formats: one for records inside of a task, one for the others."""

    def __init__(self, conf: Mapping[str, Any]) -> None:
        super().__init__(conf["worker_log_format"], conf["worker_log_datefmt"])
        self._inside = logging.Formatter(conf["worker_task_log_format"], conf["worker_task_log_datefmt"])

    def format(self, record: logging.LogRecord) -> str:
        if getattr(record, "task_id", "???") != "???" and not record.name.startswith("umbel.worker"):
            return self._inside.format(record)
        return super().format(record)


class LogOptions(msgspec.Struct, frozen=True):
    """What the command line asked for: lowest level, and a file or None for standard error."""

    level: str = "WARNING"
    logfile: str | None = None


_chosen = [LogOptions()]


def chosen() -> LogOptions:
    """What `setup` was last called with."""
    return _chosen[0]


def setup(options: LogOptions, conf: Mapping[str, Any]) -> None:
    """Set up the worker's loggers.

    A receiver of the ``setup_logging`` signal replaces all of this, as in Celery.

    Args:
        options: level and file.
        conf: ``worker_log_format``, ``worker_task_log_format``, their ``datefmt``, ``worker_log_json``,
            ``worker_hijack_root_logger``.
    """
    _chosen[0] = options
    logfile = options.logfile
    number = logging.getLevelName(options.level.upper())
    named = {"loglevel": number, "logfile": logfile, "format": conf["worker_log_format"], "colorize": False}
    if signals.setup_logging.receivers:
        signals.setup_logging.send(sender=None, **named)
        return
    handler = logging.FileHandler(logfile) if logfile else logging.StreamHandler(sys.stderr)
    handler.addFilter(TaskContext())
    if conf["worker_log_json"]:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(_Formatter(conf))
    for name in OWN:
        logger = logging.getLogger(name)
        logger.setLevel(number)
        logger.handlers[:] = [handler]
        logger.propagate = False
    if conf["worker_hijack_root_logger"]:  # only when the user writes it: Celery's way
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel(number)
    signals.after_setup_logger.send(sender=None, logger=logging.getLogger("umbel"), **named)
    signals.after_setup_task_logger.send(sender=None, logger=logging.getLogger(TASK_LOGGER), **named)
