"""Settings out of a module, an object or a dict, as Celery reads them.

With a namespace, only names that begin with it count (``CELERY_BROKER_URL`` is `broker_url`). Without one, a dict is
taken whole; of a module or object, the attributes that are values: what it imported or defined is none of ours, and
upper-case names that are no setting belong to somebody else (a Django settings module).

A configuration is written in the old names or in the new ones; a mixture is refused with what to rename, as Celery does
it, unless both spellings of a setting are there, for releases on either side. With a namespace there is one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import ModuleType
from typing import Any

from ..exceptions import ImproperlyConfigured
from .names import canonical, refuse_or_warn
from .old_names import OLD_NAMES

_OURS = ("CELERY_", "CELERYD_", "CELERYBEAT_", "BROKER_", "UMBEL_")


def read(source: Any, prefix: str, *, mixed: bool = False) -> dict[str, Any]:
    """Name of the setting -> value; names that no setting has are kept under what was written.

    Args:
        source: a mapping, module, class or other object.
        prefix: the namespace with its underscore, or "".
        mixed: old and new names may stand beside each other.

    Raises:
        ImproperlyConfigured: a name looks like a known one but is not, or old and new names are mixed.
    """
    pairs: Iterator[tuple[str, Any]]
    if isinstance(source, Mapping):
        pairs = ((str(name), value) for name, value in source.items())
    else:
        pairs = _attributes(source, prefix)
    found: dict[str, Any] = {}
    known: set[str] = set()
    for written, value in pairs:
        if prefix and not written.startswith(prefix):
            continue
        known.add(written)
        name = canonical(written, prefix)
        if name is None:
            refuse_or_warn(written, prefix)
            found[written] = value
        elif name not in found or written == name:  # the new spelling wins over the old one
            found[name] = value
    if not prefix and not mixed:
        refuse_mixture(known)
    return found


def refuse_mixture(written: AbstractSet[str]) -> None:
    """Old and new names in one configuration: those of the smaller part are to be renamed.

    Raises:
        ImproperlyConfigured: a setting is written in the other spelling than most, and in that one only.
    """
    new_to_old: dict[str, str] = {}
    for old, name in OLD_NAMES.items():
        new_to_old[name] = old if old in written else new_to_old.get(name, old)
    old_ones = {name for name in written if name in OLD_NAMES}
    new_ones = {name for name in written if name in new_to_old}
    other, spelling = (new_ones, new_to_old) if len(old_ones) > len(new_ones) else (old_ones, OLD_NAMES)
    if not old_ones or not new_ones:
        return
    renames = [f"{name} to {spelling[name]}" for name in sorted(other) if spelling[name] not in written]
    if renames:
        raise ImproperlyConfigured(
            f"The configuration mixes old and new names of settings, so write one kind: rename {', '.join(renames)}."
        )


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
