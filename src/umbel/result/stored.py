"""Where a result is stored, and how its task is revoked there."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ..sender import App
from ..withdraw import Form, lifetime, revoke, revoke_stamped, stamps_of
from .disabled import DisabledBackend


class Stored:
    """The part of `AsyncResult` that knows its store."""

    __slots__ = ()
    id: str

    @property
    @abstractmethod
    def app(self) -> App:
        """The app whose store is asked."""
        ...

    @property
    def backend(self) -> Any:
        """This thread's connection to its app's results (`backend.Backend`), a `DisabledBackend` when none are kept."""
        return self.app.backend() or DisabledBackend(self.app)

    @property
    def supports_native_join(self) -> bool:
        """Whether a group of such results is waited for without polling: wherever results are kept."""
        return self.app.backend() is not None

    def revoke(
        self, connection: Any = None, terminate: bool = False, signal: str | int | None = None, wait: bool = False,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """Revoke it: removed when it waits, not started when it was claimed.

        Args:
            terminate: also stop it when it runs.
            signal: for a running one, SIGTERM unless given.
            connection, wait, timeout: accepted for compatibility: the revocation is stored when this returns.
        """
        source = self.app
        backend = source.backend()
        revoke(
            source.broker, [self.id], terminate=terminate, signal=signal,
            expires=lifetime(source.conf.result_expires), keep_results=backend is not None, form=Form.of(source.conf),
            apart=None if source.settles_results else backend,
        )  # fmt: skip

    def revoke_by_stamped_headers(
        self, headers: dict[str, Any], connection: Any = None, terminate: bool = False,
        signal: str | int | None = None, wait: bool = False, timeout: float | None = None,
    ) -> None:  # fmt: skip
        """Revoke all tasks that are stamped so, those that are sent later too; this one only if it is.

        Args:
            headers: stamp -> its value, or several.
            terminate, signal, connection, wait, timeout: as of `revoke`.
        """
        revoke_stamped(self.app.broker, stamps_of(headers), terminate=terminate, signal=signal)
