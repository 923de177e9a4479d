"""What a URL of a database says: ``db+`` and a URL of SQLAlchemy, as Celery has it.

db+sqlite:///results.db                                a file, relative to the current folder
db+sqlite:////var/lib/shop/results.db                  a file by its whole path
db+postgresql://user:password@host:5432/shop           the driver that SQLAlchemy prefers and that is installed
db+postgresql+psycopg://user:password@host/shop        that driver
db+mysql+pymysql://user:password@host/shop             any other database of SQLAlchemy
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from ...exceptions import ImproperlyConfigured, MissingExtra
from ...urls import mask_url

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds of a call in all."""

_TABLE: Final = "celery_taskmeta"
_GROUPS: Final = "celery_tasksetmeta"
_PACKAGES: Final = {"psycopg": "umbel[psycopg]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""Drivers whose package has another name."""
_POOLS: Final = ("pool", "max_overflow", "echo_pool")


class Address(msgspec.Struct, frozen=True):
    """The tables of results in one database. `str()` of it may be shown: it has no password.

    Attributes:
        url: of SQLAlchemy.
        shown: the same for people.
        table: name of the table, Celery's unless `database_table_names` says otherwise.
        schema: where the table is, None for the default (`database_table_schemas`).
        group_table, group_schema: the same for saved groups.
        timeout: seconds that a call may take in all.
        engine: further arguments of ``sqlalchemy.create_engine``.
    """

    url: URL
    shown: str
    table: str = _TABLE
    schema: str | None = None
    group_table: str = _GROUPS
    group_schema: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    engine: dict[str, Any] = {}

    @classmethod
    def parse(cls, url: str, options: dict[str, Any]) -> Address:
        """The address that a URL and options name.

        Args:
            url: see the module.
            options: ``timeout`` in seconds, ``table``, ``schema``, ``group_table``, ``group_schema``, and
                ``engine_options`` for SQLAlchemy; those about its pool have no effect, because a thread has one
                connection. Other keys are ignored.

        Raises:
            ImproperlyConfigured: the URL or an option cannot work.

        Example:
            >>> str(Address.parse("db+postgresql://shop:hunter2@host/shop", {}))
            'db+postgresql://shop:**@host/shop'
        """
        try:
            parsed = make_url(url.removeprefix("db+"))
        except (ArgumentError, ValueError):
            raise ImproperlyConfigured(
                f"{mask_url(url)!r} cannot be read as a URL; write for instance db+sqlite:///results.db or "
                "db+postgresql://user:password@host/name."
            ) from None
        given = options.get("engine_options") or {}
        return cls(
            url=parsed,
            shown=mask_url(url),
            table=options.get("table") or _TABLE,
            schema=options.get("schema") or None,
            group_table=options.get("group_table") or _GROUPS,
            group_schema=options.get("group_schema") or None,
            timeout=_seconds(options.get("timeout", DEFAULT_TIMEOUT)),
            engine={name: value for name, value in given.items() if not name.startswith(_POOLS)},
        )

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite: no server that could fall silent."""
        return self.url.get_backend_name() == "sqlite"

    def open(self) -> Engine:
        """An engine that connects when it is told to, and keeps no connection by itself.

        Raises:
            MissingExtra: the driver is not installed.
            ImproperlyConfigured: there is no such database, or an option of the engine cannot work.
        """
        try:
            try:
                return self._engine(self.url)
            except ModuleNotFoundError:
                if self.url.drivername != "postgresql":
                    raise
                return self._engine(self.url.set(drivername="postgresql+psycopg"))
        except ModuleNotFoundError as error:
            name = str(error.name)
            plain = self.url.drivername == "postgresql"  # then any driver for it will do
            package = "umbel[psycopg]" if plain else _PACKAGES.get(name, name)
            raise MissingExtra(
                f'{self} needs the driver {name!r}, which is not installed; type: pip install "{package}"'
            ) from error
        except NoSuchModuleError as error:
            raise ImproperlyConfigured(
                f"SQLAlchemy knows no database {self.url.drivername!r}; write for instance sqlite or postgresql."
            ) from error
        except (ArgumentError, TypeError) as error:
            raise ImproperlyConfigured(f"SQLAlchemy refuses the options for {self}: {error}.") from error

    def _engine(self, url: URL) -> Engine:
        options = dict(self.engine)
        known: dict[str, Any] = {}
        if self.is_file:
            known = {"timeout": self.timeout, "check_same_thread": False}  # closed by another thread than its own
        elif url.get_backend_name() == "postgresql":
            known = {"connect_timeout": max(2, round(self.timeout))}  # less than two seconds is not heeded
        options["connect_args"] = {**known, **options.get("connect_args", {})}
        # Parameters are results: an error must not show them.
        return create_engine(url, poolclass=NullPool, hide_parameters=True, **options)

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"<Address {self}>"


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise ImproperlyConfigured(f"timeout is {value!r}; write seconds, for instance 5.")
    return seconds
