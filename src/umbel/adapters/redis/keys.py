"""Names of results in a Redis database, which are Celery's."""

from __future__ import annotations

from typing import Final

GROUP: Final = "celery-taskset-meta-"
"""How ids of records begin that are saved groups (`result.members`), and their keys in Celery."""


class Keys:
    """Where the results of one address are.

    Args:
        prefix: `global_keyprefix`, as the user wrote it. As in Celery a "_" follows where it does not end with one of
            ``:_-.``.
    """

    __slots__ = ("_beside", "_group", "_result")

    def __init__(self, prefix: str) -> None:
        if prefix and prefix[-1] not in ":_-.":
            prefix += "_"
        self._result = f"{prefix}celery-task-meta-"
        self._group = f"{prefix}{GROUP}"
        self._beside = f"{prefix}umbel-task-state-"

    def result(self, task_id: str) -> str:
        """Key of a result, and its channel; of a saved group that where Celery has it."""
        return self.group(task_id[len(GROUP) :]) if task_id.startswith(GROUP) else self._result + task_id

    def pair(self, task_id: str) -> tuple[str, str]:
        """Key of a result, and of the note beside it."""
        return self.result(task_id), self._beside + task_id

    def group(self, group_id: str) -> str:
        """Key of a group that was saved; what Celery keeps of its chord has it before a suffix."""
        return self._group + group_id
