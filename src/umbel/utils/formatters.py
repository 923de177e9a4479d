"""Formatters of log lines, by Celery's names: for handlers of your own, in a receiver of `after_setup_task_logger` say.

A worker sets up formatters itself (`worker_log_format`, `worker_task_log_format`); these are for what it does not do.
"""

from __future__ import annotations

import logging
from typing import Final

from ..current import request_var, running_task

COLORS: Final = {"DEBUG": 34, "WARNING": 33, "ERROR": 31, "CRITICAL": 35}
"""Level -> number of its colour on a terminal, as Celery's; INFO has none."""

_NOWHERE: Final = "???"


def colored(text: str, level: str) -> str:
    """A text in the colour of a level."""
    number = COLORS.get(level)
    return text if number is None else f"\x1b[1;{number}m{text}\x1b[0m"


class ColorFormatter(logging.Formatter):
    """Writes lines in the colour of their level.

    Args:
        fmt: format of a line.
        use_color: False for a file.
        datefmt: format of ``%(asctime)s``.
    """

    def __init__(self, fmt: str | None = None, use_color: bool = True, datefmt: str | None = None) -> None:
        super().__init__(fmt, datefmt)
        self.use_color = use_color

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return colored(text, record.levelname) if self.use_color else text


class TaskFormatter(ColorFormatter):
    """Knows ``%(task_id)s`` and ``%(task_name)s``: those of the running task, ``???`` outside of one.

    Example:
        >>> handler = logging.StreamHandler()
        >>> handler.setFormatter(TaskFormatter("%(task_name)s[%(task_id)s]: %(message)s", use_color=False))
        >>> handler.format(logging.makeLogRecord({"msg": "nobody runs"}))
        '???[???]: nobody runs'
    """

    def format(self, record: logging.LogRecord) -> str:
        task = running_task()
        if task is not None:
            record.__dict__.update(task_id=request_var.get().id, task_name=task.name)
        else:
            record.__dict__.setdefault("task_name", _NOWHERE)
            record.__dict__.setdefault("task_id", _NOWHERE)
        return super().format(record)
