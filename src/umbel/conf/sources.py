"""Settings out of a module, an object or a dict, as Celery reads them.

With a namespace, only names that begin with it count (``CELERY_BROKER_URL`` is `broker_url`). Without one, a dict is
taken whole; of a module or object, the attributes that are values: what it imported or defined is none of ours, and
upper-case names that are no setting belong to somebody else (a Django settings module).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from .names import canonical, refuse_or_warn

_OURS = ("CELERY_", "CELERYD_", "CELERYBEAT_", "BROKER_", "UMBEL_")


def read(source: Any, prefix: str) -> dict[str, Any]:
    """Name of the setting -> value; names that no setting has are kept under what was written.

    Args:
        source: a mapping, module, class or other object.
        prefix: the namespace with its underscore, or "".

    Raises:
        ImproperlyConfigured: a name looks like a known one but is not.
    """
    pairs: Iterator[tuple[str, Any]]
    if isinstance(source, Mapping):
        pairs = ((str(name), value) for name, value in source.items())
    else:
        pairs = _attributes(source, prefix)
    found: dict[str, Any] = {}
    for written, value in pairs:
        if prefix and not written.startswith(prefix):
            continue
        name = canonical(written, prefix)
        if name is None:
            refuse_or_warn(written, prefix)
            found[written] = value
        elif name not in found or written == name:  # the new spelling wins over the old one
            found[name] = value
    return found


def _attributes(source: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in dir(source):
        if name.startswith("_"):
            continue
        known = canonical(name, prefix) is not None
        if not known and name.isupper() and not prefix and not name.startswith(_OURS):
            continue
        value = getattr(source, name)
        if known or not isinstance(value, ModuleType | type | Callable):
            yield name, value
