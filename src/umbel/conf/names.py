"""From what a user wrote to the name of a setting."""

from __future__ import annotations

import difflib
import warnings

from ..exceptions import ImproperlyConfigured, UnknownSettingWarning
from .accepted import ACCEPTED
from .old_names import OLD_NAMES
from .table import SETTINGS

_ALIKE = 0.85


def canonical(written: str, prefix: str = "") -> str | None:
    """The name of a setting, from itself, its old name, or its name behind a namespace's prefix; None when unknown.

    Example:
        >>> canonical("CELERYD_POOL"), canonical("CELERY_BROKER_URL", "CELERY_"), canonical("colour")
        ('worker_pool', 'broker_url', None)
    """
    if written in SETTINGS or written in ACCEPTED:
        return written
    if prefix and written.startswith(prefix):
        name = written.removeprefix(prefix).lower()
        if name in SETTINGS or name in ACCEPTED:
            return name
    return OLD_NAMES.get(written)


def suggestion(written: str, prefix: str = "") -> str | None:
    """The known setting that somebody who wrote this probably meant."""
    if prefix and written.startswith(prefix):
        found = suggestion(written.removeprefix(prefix).lower())
        return f"{prefix}{found.upper()}" if found else None
    known = OLD_NAMES if written.isupper() else (*SETTINGS, *ACCEPTED)
    found_all = difflib.get_close_matches(written, known, n=1, cutoff=_ALIKE)
    return found_all[0] if found_all else None


def refuse_or_warn(written: str, prefix: str = "") -> None:
    """What happens to a name that no setting has.

    Raises:
        ImproperlyConfigured: it looks like a known one.
    """
    meant = suggestion(written, prefix)
    if meant is not None:
        raise ImproperlyConfigured(f"There is no setting {written!r}; did you mean {meant!r}?")
    warnings.warn(f"There is no setting {written!r}; it is kept, and nothing reads it.", UnknownSettingWarning, 4)
