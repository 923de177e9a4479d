"""Hooks: what a class of tasks may replace to hear of its runs."""

from __future__ import annotations

from typing import Any


class Hooks:
    """The part of `Task` that does nothing unless a subclass says so."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called in the worker before the function."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Called in the worker after the function has returned."""

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called in the worker after the function has failed."""

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called in the worker when the function is to be run again."""

    def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called in the worker at the end of a run, whatever came of it."""

    def shadow_name(self, args: Any, kwargs: Any, options: Any) -> str | None:
        """A name to show in the place of the task's own, for one call."""
        return None
