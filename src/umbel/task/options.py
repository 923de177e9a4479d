"""Options of a task that come from the settings unless the task names them."""

from __future__ import annotations

from typing import Any, Final

FROM_CONFIG: Final = {
    "serializer": "task_serializer",
    "rate_limit": "task_default_rate_limit",
    "priority": "task_default_priority",
    "time_limit": "task_time_limit",
    "soft_time_limit": "task_soft_time_limit",
    "track_started": "task_track_started",
    "acks_late": "task_acks_late",
    "acks_on_failure_or_timeout": "task_acks_on_failure_or_timeout",
    "acks_on_failure": "task_acks_on_failure",
    "acks_on_timeout": "task_acks_on_timeout",
    "reject_on_worker_lost": "task_reject_on_worker_lost",
    "retry_on_worker_lost": "task_retry_on_worker_lost",
    "ignore_result": "task_ignore_result",
    "store_eager_result": "task_store_eager_result",
    "store_errors_even_if_ignored": "task_store_errors_even_if_ignored",
}
"""Attribute of `Task` -> the setting that fills it, as in Celery."""


ELSE: Final = {"acks_on_failure": "acks_on_failure_or_timeout", "acks_on_timeout": "acks_on_failure_or_timeout"}
"""Attribute -> the one that speaks for it while its setting is None."""


class FromConfig:
    """An attribute that has the setting's value until a class or an instance gives it one of its own."""

    def __init__(self, option: str) -> None:
        self.setting = FROM_CONFIG[option]
        self.otherwise = ELSE.get(option)

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        if task is None:
            return None
        value = getattr(task.app.conf, self.setting)
        return getattr(task, self.otherwise) if value is None and self.otherwise else value
