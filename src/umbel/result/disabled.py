"""What stands where an app keeps no results."""

from __future__ import annotations

from typing import Any, NoReturn

from ..exceptions import ImproperlyConfigured


class DisabledBackend:
    """The results of an app that keeps none (`AsyncResult.backend`); every question to it is an error.

    Args:
        app: the application.
        serializer, max_cached_results, accept, expires, expires_type, url, kwargs: accepted, Celery's.
    """

    def __init__(
        self, app: Any, serializer: str | None = None, max_cached_results: int | None = None, accept: Any = None,
        expires: Any = None, expires_type: Any = None, url: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.app = app

    def store_result(self, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""

    def get_state(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse.

        Raises:
            ImproperlyConfigured: always.
        """
        raise ImproperlyConfigured(
            "This app keeps no results: set result_backend to the URL of a store, for instance sqlite:///results.db."
        )

    get_result = get_traceback = get_task_meta_for = wait_for = get_many = get_state
