"""Priority by word. As numbers, 9 is urgent on SQLite, memory and RabbitMQ, and 0 on Redis, as Celery has it."""

from __future__ import annotations

import enum


class Priority(enum.Enum):
    """How urgent a task is; it becomes the number of the store that the task is sent to.

    A task without a priority counts as 0.
    """

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


_NUMBERS = {Priority.HIGH: 9, Priority.NORMAL: 5, Priority.LOW: 0}


def as_number(priority: Priority | int | str | None, *, nine_is_urgent: bool = True) -> int:
    """A priority as a store has it.

    Args:
        priority: word, number, or None for 0.
        nine_is_urgent: False where 0 is.

    Raises:
        ValueError: a number that is not from 0 to 9.

    Example:
        >>> as_number(Priority.HIGH), as_number(Priority.HIGH, nine_is_urgent=False), as_number(3)
        (9, 0, 3)
    """
    if priority is None:
        return 0
    if isinstance(priority, Priority):
        number = _NUMBERS[priority]
        return number if nine_is_urgent else 9 - number
    number = int(priority)
    if not 0 <= number <= 9:
        raise ValueError(f"A priority is a number from 0 to 9, or one of Priority, not {priority!r}.")
    return number
