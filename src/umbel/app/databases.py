"""Results in a database as a class of Celery's kind: for projects that derive their own store from Celery's.

    class Mine(DatabaseBackend): ...             result_backend = "proj.stores:Mine", database_url = "sqlite:///shop.db"

``db+sqlite:///shop.db`` needs none of this and is faster; both have the same tables.
"""

from __future__ import annotations

from typing import Any, Final

from .. import states
from ..exceptions import ImproperlyConfigured
from ..loading import open_backend, symbol
from ..record import Record
from ..result import result_from_tuple
from ..result.classes import BaseBackend
from ..serialization import codec, decode_json, decompress_document, encode_json, loads
from ..withdraw import Form, kept_for, state_record
from .options import result_options

_GROUP: Final = "celery-taskset-meta-"
_MODELS: Final = "umbel.adapters.database.models"


class DatabaseBackend(BaseBackend):
    """Results in the database of `database_url`.

    Args:
        dburi, url: of the database, as SQLAlchemy writes it, with or without ``db+``; `database_url` unless given.
        engine_options: arguments of ``create_engine``, added to `database_engine_options`.
        kwargs: those of `BaseBackend`; ``app`` must be among them.

    Raises:
        ImproperlyConfigured: no database is named.
    """

    def __init__(
        self, dburi: str | None = None, engine_options: dict[str, Any] | None = None, url: str | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(url=url, **kwargs)
        conf = self.app.conf
        named = url if url and not url.startswith("class:") else dburi or conf.database_url
        if not named:
            raise ImproperlyConfigured("No database is named: set database_url, for instance to sqlite:///results.db.")
        self.url = str(named).removeprefix("db+")
        self.engine_options = {**(conf.database_engine_options or {}), **(engine_options or {})}
        options = {**result_options(conf, "", {}), "engine_options": self.engine_options}
        self._store = open_backend(f"db+{self.url}", options)
        self._sessions: Any = None

    @property
    def task_cls(self) -> Any:
        """The class that reads the results with SQLAlchemy's mapper."""
        return symbol(f"{_MODELS}:{'TaskExtended' if self.app.conf.result_extended else 'Task'}")

    @property
    def taskset_cls(self) -> Any:
        """The class that reads saved groups."""
        return symbol(f"{_MODELS}:TaskSet")

    def ResultSession(self, session_manager: Any = None) -> Any:  # noqa: N802 - Celery's name
        """A session of SQLAlchemy's mapper over the tables.

        Args:
            session_manager: whose it is; this store's own unless given.
        """
        if session_manager is None:
            self._sessions = session_manager = self._sessions or symbol(f"{_MODELS}:SessionManager")()
        return session_manager.session_factory(self.url, **self.engine_options)

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: str | None = None, request: Any = None, **kwargs: Any
    ) -> Any:
        conf, children = self.app.conf, self.current_task_children(request)
        record = state_record(
            task_id, state, result, expires=kept_for(conf, state), children=children, traceback=traceback,
            form=Form.of(conf),
        )  # fmt: skip
        self._store.store([record])
        return result

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        record = self._store.fetch([task_id]).get(task_id)
        return {"status": states.PENDING, "result": None} if record is None else self._read(record)

    def _read(self, record: Record) -> dict[str, Any]:
        written = codec(self.serializer)
        data = decompress_document(record.document, self.app.conf.decompressed_max_size)
        found: dict[str, Any] = loads(data, written.content_type, written.content_encoding, self.accept)
        return found

    def _forget(self, task_id: str) -> None:
        self._store.forget([task_id])

    def _save_group(self, group_id: str, result: Any) -> Any:
        self._store.store([Record(f"{_GROUP}{group_id}", "GROUP", encode_json({"result": result.as_tuple()}))])
        return result

    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        record = self._store.fetch([f"{_GROUP}{group_id}"]).get(f"{_GROUP}{group_id}")
        if record is None:
            return None
        return {"result": result_from_tuple(decode_json(record.document)["result"], app=self.app)}

    def _delete_group(self, group_id: str) -> None:
        self._store.forget([f"{_GROUP}{group_id}"])
