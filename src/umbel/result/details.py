"""What a result document says beside state and value; most of it only with `result_extended`."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any


class Details:
    """The part of `AsyncResult` that reads them."""

    __slots__ = ()
    _name: str | None

    @abstractmethod
    def _document(self) -> dict[str, Any]: ...

    @property
    def date_done(self) -> datetime | None:
        """When it ended."""
        moment = self._document().get("date_done")
        return datetime.fromisoformat(moment) if isinstance(moment, str) else moment

    @property
    def name(self) -> str | None:
        """Task name, with `result_extended`."""
        return self._name or self._document().get("name")

    @property
    def args(self) -> Any:
        """Its arguments, with `result_extended`."""
        return self._document().get("args")

    @property
    def kwargs(self) -> Any:
        """Its keyword arguments, with `result_extended`."""
        return self._document().get("kwargs")

    @property
    def worker(self) -> str | None:
        """Node name of the worker that ran it, with `result_extended`."""
        return self._document().get("worker")

    @property
    def retries(self) -> int | None:
        """How often it was tried again, with `result_extended`."""
        return self._document().get("retries")

    @property
    def queue(self) -> str | None:
        """Queue that it came from, with `result_extended`."""
        return self._document().get("queue")
