"""Logging of a worker: its own loggers, never the root logger.

``umbel`` (and ``celery.task``, where `get_task_logger` puts a task's logger when asked by Celery's name) get one
handler to standard error or a file. Every record of theirs carries the task's id and name from the context; outside
of a task they are ``???``, as in Celery.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .. import signals
from ..current import request_var
from ..exceptions import ImproperlyConfigured
from ..utils.formatters import colored as in_color
from ..utils.log import TASK_LOGGER
from ..utils.nodenames import number_process
from . import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = ("umbel", "celery")
"""Loggers that a worker sets up."""

_MAIN: Final = "MainProcess"
_process = [_MAIN]


def name_process(number: int) -> None:
    """Name a child as Celery names it, for ``%(processName)s``; 0 is the supervisor."""
    _process[0] = f"ForkPoolWorker-{number}" if number else _MAIN
    number_process(number)


class TaskContext(logging.Filter):
    """Adds ``task_id``, ``task_name`` and the child's name to each record.

    What a store says about itself (``about_the_store``) a child finds out as the supervisor did, and says it no more.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = request_var.get()
        record.task_id = getattr(request, "id", None) or "???"
        record.task_name = getattr(request, "task", None) or "???"
        record.processName = _process[0]
        return _process[0] == _MAIN or not getattr(record, "about_the_store", False)


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
    """Celery's two formats, one for records inside of a task, one for the others; coloured by level if wanted."""

    def __init__(self, conf: Mapping[str, Any], *, color: bool) -> None:
        super().__init__(conf["worker_log_format"], conf["worker_log_datefmt"])
        self._inside = logging.Formatter(conf["worker_task_log_format"], conf["worker_task_log_datefmt"])
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        inside = getattr(record, "task_id", "???") != "???" and not record.name.startswith("umbel.worker")
        text = self._inside.format(record) if inside else super().format(record)
        return in_color(text, record.levelname) if self._color else text


class LogOptions(msgspec.Struct, frozen=True):
    """What the command line asked for: lowest level, a file or None for standard error, colour or None for settings."""

    level: str = "WARNING"
    logfile: str | None = None
    color: bool | None = None


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
            ``worker_hijack_root_logger``, ``worker_log_color``.
    """
    _chosen[0] = options
    logfile = options.logfile
    number = logging.getLevelName(options.level.upper())
    color = colored(options, conf)
    _redirect_level(conf)  # a wrong one is told here, not by every child
    named = {"loglevel": number, "logfile": logfile, "format": conf["worker_log_format"], "colorize": color}
    if signals.setup_logging.receivers:
        signals.setup_logging.send(sender=None, **named)
        return
    handler = logging.FileHandler(logfile) if logfile else logging.StreamHandler(sys.stderr)
    handler.addFilter(TaskContext())
    if conf["worker_log_json"]:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(_Formatter(conf, color=color))
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


def colored(options: LogOptions, conf: Mapping[str, Any]) -> bool:
    """Whether lines are coloured: never in a file or as JSON, else as it was said, else on a terminal."""
    if options.logfile or conf["worker_log_json"]:
        return False
    said = conf["worker_log_color"] if options.color is None else options.color
    if said is not None:
        return bool(said)
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def redirect_prints(conf: Mapping[str, Any]) -> None:
    """What this process prints from now on goes to the log, when ``worker_redirect_stdouts`` says so.

    A receiver of ``setup_logging`` has taken the logs over, and with them this, as in Celery.
    """
    if conf["worker_redirect_stdouts"] and not signals.setup_logging.receivers:
        redirect.redirect(_redirect_level(conf))


def _redirect_level(conf: Mapping[str, Any]) -> int:
    name = conf["worker_redirect_stdouts_level"]
    number = logging.getLevelNamesMapping().get(name.upper())
    if number is None:
        raise ImproperlyConfigured(
            f"worker_redirect_stdouts_level must be the name of a level, WARNING say, not {name!r}"
        )
    return number
