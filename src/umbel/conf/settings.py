"""The settings of one app.

    environment    CELERY_BROKER_URL, CELERY_RESULT_BACKEND and their UMBEL_ names; they win, as in Celery
    written        conf.name = value, conf.update(...), the app's arguments
    configuration  `config_from_object`; read when the first setting is asked for
    added          `add_defaults`
    default        the table's

A value is looked up once and then kept on the object itself, so that reading `conf.name` costs what any attribute does.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import timedelta
from threading import get_ident
from typing import Any, Final

from ..exceptions import ImproperlyConfigured
from ..loading import symbol
from ..urls import mask_url
from .accepted import ACCEPTED
from .checks import checked
from .differences import DIFFERENT_DEFAULTS
from .names import canonical, refuse_or_warn, suggestion
from .sources import read
from .table import SETTINGS

_ENVIRONMENT: Final = {
    "broker_url": ("UMBEL_BROKER_URL", "CELERY_BROKER_URL"),
    "broker_read_url": ("UMBEL_BROKER_READ_URL", "CELERY_BROKER_READ_URL"),
    "broker_write_url": ("UMBEL_BROKER_WRITE_URL", "CELERY_BROKER_WRITE_URL"),
    "result_backend": ("UMBEL_RESULT_BACKEND", "CELERY_RESULT_BACKEND"),
}
CELERY_DEFAULTS: Final = "UMBEL_CELERY_DEFAULTS"
"""Environment variable that undoes `DIFFERENT_DEFAULTS` for all apps of a process and of those that it starts."""

_SECRET_WORDS: Final = ("password", "passwd", "secret", "token", "key", "credential", "signature", "auth")


class Settings(MutableMapping[str, Any]):
    """Attribute and item access to the settings, by name, old name or namespace name.

    Args:
        written: first explicit values.
        namespace: prefix of names, for instance "CELERY".

    Raises:
        ImproperlyConfigured: wherever a value is written that its setting cannot have, or a name that looks like a
            known one but is not. Other unknown names are kept, with an UnknownSettingWarning.

    Example:
        >>> conf = Settings({"task_time_limit": 30})
        >>> conf.task_time_limit, conf["CELERYD_TASK_TIME_LIMIT"], conf.is_explicit("task_acks_late")
        (30, 30, False)
    """

    def __init__(self, written: Mapping[str, Any] | None = None, namespace: str | None = None) -> None:
        # Straight into __dict__: attributes of this object are settings.
        self.__dict__.update(
            _written={}, _loaded={}, _added={}, _defaults={},
            _celery=os.environ.get(CELERY_DEFAULTS, "") not in ("", "0"),
            _source=None, _silent=False, _reading=set(), _prefix=_prefix(namespace),
        )  # fmt: skip
        self.update(written or {})

    # Reading

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle look for methods
            raise AttributeError(name)
        try:
            value = self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None
        if name not in _ENVIRONMENT and name in SETTINGS:
            self.__dict__[name] = value
        return value

    def __getitem__(self, written: str) -> Any:
        self._load()
        name = canonical(written, self._prefix) or written
        for variable in _ENVIRONMENT.get(name, ()):
            if os.environ.get(variable):
                return os.environ[variable]
        for values in (self._written, self._loaded, self._added, self._defaults):
            if name in values:
                return values[name]
        # A copy: users put entries into dicts that they read.
        value = self._defaults[name] = copy.deepcopy(self._default(name))
        return value

    def _default(self, name: str) -> Any:
        if self._celery and name in DIFFERENT_DEFAULTS:
            return DIFFERENT_DEFAULTS[name].celery
        row = SETTINGS.get(name)
        if row is not None:
            return row.default
        if name in ACCEPTED:
            return ACCEPTED[name]
        meant = suggestion(name, self._prefix)
        raise KeyError(f"There is no setting {name!r}" + (f"; did you mean {meant!r}?" if meant else "."))

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(dict.fromkeys((*SETTINGS, *ACCEPTED, *self._added, *self._loaded, *self._written)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, written: object) -> bool:
        name = canonical(written, self._prefix) if isinstance(written, str) else None
        return name is not None or any(written in values for values in (self._written, self._loaded, self._added))

    def first(self, *keys: str) -> Any:
        """The first of these settings that is not None; one that nobody knows counts as None."""
        return next((value for value in map(self.get, keys) if value is not None), None)

    def is_explicit(self, name: str) -> bool:
        """Whether the user wrote this setting, anywhere; then it is honoured whatever umbel's default is.

        Who asks for Celery's defaults has written all of them that differ.
        """
        self._load()
        name = canonical(name, self._prefix) or name
        if any(os.environ.get(variable) for variable in _ENVIRONMENT.get(name, ())):
            return True
        if self._celery and name in DIFFERENT_DEFAULTS:
            return True
        return name in self._written or name in self._loaded or name in self._added

    def is_written(self, name: str) -> bool:
        """Whether it was written to this object; nothing is read for that."""
        return (canonical(name, self._prefix) or name) in self._written

    def seconds(self, name: str) -> float | None:
        """A lifetime as a number of seconds; None when it is None."""
        value = self[name]
        if isinstance(value, timedelta):
            return value.total_seconds()
        return None if value is None else float(value)

    def table(self, *, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:
        """Name -> value, for reports.

        Args:
            with_defaults: settings that nobody wrote, too.
            censored: secrets replaced by ``********``, passwords in URLs by ``**``.
        """
        names = [name for name in self if with_defaults or self.is_explicit(name)]
        return {name: _censored(name, self[name]) if censored else self[name] for name in names}

    # Writing

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __setitem__(self, written: str, value: Any) -> None:
        name = canonical(written, self._prefix)
        if name is None:
            if written not in self._written:
                refuse_or_warn(written, self._prefix)
            name = written
        self._written[name] = checked(SETTINGS.get(name), value)
        self.__dict__.pop(name, None)

    def __delitem__(self, written: str) -> None:
        name = canonical(written, self._prefix) or written
        if self._written.pop(name, self) is self and self._loaded.pop(name, self) is self:
            raise KeyError(f"The setting {written!r} was not written, so it cannot be deleted.")
        self.__dict__.pop(name, None)

    def __delattr__(self, name: str) -> None:
        del self[name]

    def config_from_object(
        self, source: Any, namespace: str | None = None, *, force: bool = False, silent: bool = False
    ) -> None:
        """Take settings from a module, an object or a dict; values written to ``conf`` stay above them.

        Args:
            source: "package.module", "package.module:attribute", a module, class, object or mapping.
            namespace: prefix of the names that count, for instance "CELERY" in a Django settings module.
            force: read it now; otherwise it is read when the first setting is.
            silent: a module that cannot be imported counts as empty.

        Raises:
            ImproperlyConfigured: when it is read: it cannot be imported, or has a wrong name or value.
        """
        self.__dict__.update(_source=source, _silent=silent)
        if namespace is not None:
            self.__dict__["_prefix"] = _prefix(namespace)
        self._forget()
        if force:
            self._load()

    def add_defaults(self, defaults: Mapping[str, Any]) -> None:
        """Give settings other defaults, below the configuration and what is written.

        Raises:
            ImproperlyConfigured: a wrong name or value.
        """
        found = read(defaults, self._prefix, mixed=True)
        self._added.update({name: checked(SETTINGS.get(name), value) for name, value in found.items()})
        self._forget()

    @property
    def has_celery_defaults(self) -> bool:
        """Whether what nobody wrote has Celery's default."""
        found: bool = self.__dict__["_celery"]
        return found

    def use_celery_defaults(self) -> None:
        """Undo `DIFFERENT_DEFAULTS`: what nobody wrote has Celery's default."""
        kept = {name: value for name, value in self._defaults.items() if name not in DIFFERENT_DEFAULTS}
        self.__dict__.update(_celery=True, _defaults=kept)
        self._forget()

    def _load(self) -> None:
        """Read the configuration, once. Two threads may both do it; nobody waits, so no import can lock up."""
        source, here = self._source, get_ident()
        if source is None or here in self._reading:  # a settings module may look at its own app
            return
        self._reading.add(here)
        try:
            found = read(self._named(source) if isinstance(source, str) else source, self._prefix)
            loaded = {name: checked(SETTINGS.get(name), value) for name, value in found.items()}
        finally:
            self._reading.discard(here)
        self.__dict__.update(_loaded=loaded, _source=None)
        self._forget()

    def _named(self, source: str) -> Any:
        try:
            return symbol(source)
        except ImproperlyConfigured:
            if self._silent:
                return {}
            raise

    def _forget(self) -> None:
        for name in [name for name in self.__dict__ if not name.startswith("_")]:
            del self.__dict__[name]

    def find_value_for_key(self, name: str, namespace: str = "celery") -> Any:
        """The setting that is called ``namespace_name``; for "celery" the name alone.

        Example:
            >>> Settings({}).find_value_for_key("extended", "result")
            False
        """
        return self[name if namespace == "celery" else f"{namespace}_{name}"]

    def __repr__(self) -> str:
        return f"<Settings: {', '.join(sorted({*self._added, *self._loaded, *self._written})) or 'defaults'}>"


def _prefix(namespace: str | None) -> str:
    return f"{namespace.rstrip('_')}_" if namespace else ""


def _censored(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _censored(str(key), item) for key, item in value.items()}
    if isinstance(value, str) and "://" in value:
        return mask_url(value)
    if isinstance(value, list | tuple):
        return [_censored(name, item) for item in value]
    words = name.lower().replace("_", " ").split()
    secret = any(word in words for word in _SECRET_WORDS) and not name.endswith("routing_key")
    if secret and isinstance(value, str | bytes) and value:
        return "********"
    return value
