"""Defaults of all settings that Celery has, by its names for them (``celery.app.defaults``)."""

from __future__ import annotations

from typing import Any, Final

from .accepted import ACCEPTED
from .table import LOG_FORMAT, SETTINGS, TASK_LOG_FORMAT

DEFAULTS: Final[dict[str, Any]] = {
    **ACCEPTED,
    **{name: row.default for name, row in SETTINGS.items() if not row.own},
}
"""Setting -> its default here; see `DIFFERENT_DEFAULTS` for those that are others in Celery."""

SETTING_KEYS: Final = frozenset(DEFAULTS)
"""Their names."""

DEFAULT_ACCEPT_CONTENT: Final = DEFAULTS["accept_content"]
DEFAULT_POOL: Final = DEFAULTS["worker_pool"]
DEFAULT_PROCESS_LOG_FMT: Final = LOG_FORMAT
DEFAULT_TASK_LOG_FMT: Final = TASK_LOG_FORMAT
