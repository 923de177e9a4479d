"""Loggers for tasks.

    logger = get_task_logger(__name__)

A worker writes what goes there, with the task's name and id, and leaves the root logger alone. A logger of the standard
library's ``logging.getLogger(__name__)`` goes where the application has sent it.
"""

from __future__ import annotations

import logging

TASK_LOGGER = "celery.task"
"""Parent of every task's logger, by Celery's name."""


BASE_LOGGER = "celery"
"""Parent of the loggers of packages that were written for Celery, by Celery's name; a worker writes what goes there."""

base_logger = logging.getLogger(BASE_LOGGER)
"""The logger of that name."""


def get_logger(name: str) -> logging.Logger:
    """A logger of a part of Celery, or of what belongs to it; a worker and a scheduler write what goes there.

    Args:
        name: of the logger, usually ``__name__``.

    Example:
        >>> get_logger("cart.beats").parent.name
        'celery'
    """
    return _below(logging.getLogger(name), base_logger)


def get_task_logger(name: str) -> logging.Logger:
    """A logger whose lines a worker writes with the name and the id of the running task.

    Args:
        name: of the logger, usually ``__name__``.

    Raises:
        RuntimeError: the name belongs to umbel or Celery itself.

    Example:
        >>> get_task_logger("shop.mails").parent.name
        'celery.task'
    """
    if name in (TASK_LOGGER, "celery", "umbel"):
        raise RuntimeError(f"The logger {name!r} is not a task's: take __name__")
    return _below(logging.getLogger(name), logging.getLogger(TASK_LOGGER))


def _below(logger: logging.Logger, parent: logging.Logger) -> logging.Logger:
    """The logger, which has that parent from now on unless it has it among its ancestors."""
    ancestor: logging.Logger | None = logger
    while ancestor is not None and ancestor is not parent:
        ancestor = ancestor.parent
    if ancestor is None:
        logger.parent = parent
    return logger
