"""Settings: one table of what acts here, Celery's other names accepted beside it, and the object that answers.

    table.py        name, type, default and one sentence of every setting that umbel acts upon (docs are made from it)
    differences.py  where umbel's default is not Celery's, and why
    accepted.py     Celery's other settings, which are kept and have no effect here
    old_names.py    Celery's upper-case names
    checks.py       what a value may be
    sources.py      settings out of a module, an object or a dict
    cmdline.py      settings out of the words of a command line
    settings.py     the object: explicit values over the configuration's over the defaults

A setting is added by one row in the table; a default that is not Celery's, by one row in the differences.
"""

from __future__ import annotations

from .cmdline import overrides
from .differences import DIFFERENT_DEFAULTS, Difference
from .settings import Settings
from .table import SETTINGS, Setting

__all__ = ["DIFFERENT_DEFAULTS", "SETTINGS", "Difference", "Setting", "Settings", "overrides"]
