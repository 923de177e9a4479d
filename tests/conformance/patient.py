"""SQLite without the slow look that every sleeper takes each second: it would hide a wake-up that was lost."""

from __future__ import annotations

from tests.sqlite.lab import SqliteLab
from umbel import loading
from umbel.adapters.sqlite import wake

NEVER = 3600.0


def open_broker(url, options):
    wake.SWEEP = NEVER
    return loading.open_broker(url, options)


def open_backend(url, options):
    wake.SWEEP = NEVER
    return loading.open_backend(url, options)


class SharedSqliteLab(SqliteLab):
    """One that other processes open too."""

    def __init__(
        self, opener="tests.conformance.patient:open_broker", backend="tests.conformance.patient:open_backend"
    ):
        super().__init__()
        self.opener = opener
        self.backend_opener = backend

    def broker(self, **options):
        return loading.symbol(self.opener)(self.url, options)

    def backend(self, **options):
        return loading.symbol(self.backend_opener)(self.url, options)
