"""A result store that is a class of Celery's kind (`result.classes`), behind the contract of `backend.Backend`.

    result_backend = "django-db"               an entry point of the group ``celery.result_backends``
    result_backend = "proj.stores:Mine"        a path

Two steps make a write, a look at the stored state and the writing, so two processes that end one task at the same
moment may both write; umbel's own stores decide it in one step. Readers look again and again, at first often.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from .. import states
from ..exceptions import ImproperlyConfigured, StoreUnavailable
from ..loading import extensions, symbol
from ..record import Record
from ..result import GroupResult
from ..saferepr import saferepr
from ..serialization import codec, decode_json, decompress_document, dumps, encode_json, loads
from ..utils.looking import Looking
from . import django

SCHEME: Final = "class://"
GROUP: Final = "celery.result_backends"
_GROUP: Final = "celery-taskset-meta-"
_AWAY: Final = frozenset({"OperationalError", "InterfaceError", "ConnectionError", "TimeoutError"})


@functools.cache
def names_class(name: str) -> bool:
    """Whether a `result_backend` is a class: by its path, or by an entry point."""
    if "://" in name:
        return False
    return bool(re.fullmatch(r"\w+(\.\w+)*:\w+", name)) or name in extensions(GROUP)


def open_class(app: Any, url: str) -> ByClass:
    """Open the store of a URL ``class://name``.

    Raises:
        ImproperlyConfigured: its class cannot be imported.
    """
    name = url.removeprefix(SCHEME)
    load = extensions(GROUP).get(name)
    try:
        made = load() if load is not None else symbol(name)
    except ImportError as error:
        raise ImproperlyConfigured(f"The result backend {name!r} cannot be imported: {error}") from error
    return ByClass(made(app=app, url=url), app)


class ByClass:
    """See `umbel.backend.Backend`; what it does not have is asked of the class's own object.

    Args:
        inner: the class's object.
        app: the application.
    """

    def __init__(self, inner: Any, app: Any) -> None:
        self.inner = inner
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(self.inner, method)(*args, **kwargs)
        except Exception as error:  # a driver's errors have a class of their own in each library
            if self.inner.exception_safe_to_retry(error) or _AWAY & {kind.__name__ for kind in type(error).__mro__}:
                django.renew()
                raise StoreUnavailable(f"The results cannot be reached: {error}") from error
            raise

    def store(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.id.startswith(_GROUP):
                form = decode_json(record.document)["result"]
                self._call("_save_group", record.id.removeprefix(_GROUP), _plain(form))
            elif states.may_replace(self._meta(record.id)["status"], record.status):
                self._store(record.id, self._read(record.document))

    def _store(self, task_id: str, document: dict[str, Any]) -> None:
        request = _request(task_id, document)
        self._call(
            "_store_result", task_id, document.get("result"), document["status"], document.get("traceback"),
            request=request,
        )  # fmt: skip

    def _read(self, data: bytes) -> dict[str, Any]:
        conf = self._app.conf
        written = codec(conf.result_serializer)
        plain = decompress_document(data, conf.decompressed_max_size)
        found: dict[str, Any] = loads(plain, written.content_type, written.content_encoding, {written.content_type})
        return found

    def _meta(self, task_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("_get_task_meta_for", task_id)
        return found

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        found = {}
        for task_id in ids:
            if task_id.startswith(_GROUP):
                saved = self._call("_restore_group", task_id.removeprefix(_GROUP))
                members = (saved or {}).get("result")
                if members:
                    form = members.as_tuple() if isinstance(members, GroupResult) else members
                    found[task_id] = Record(task_id, "GROUP", encode_json({"result": form}))
                continue
            meta = self._meta(task_id)
            if meta["status"] != states.PENDING:
                found[task_id] = Record(task_id, meta["status"], self._written(task_id, meta))
        return found

    def _written(self, task_id: str, meta: dict[str, Any]) -> bytes:
        done = meta.get("date_done")
        document = {
            "status": meta["status"], "result": meta.get("result"), "traceback": meta.get("traceback"),
            "children": meta.get("children") or [],
            "date_done": done.isoformat() if isinstance(done, datetime) else done,
            "name": meta.get("task_name") or meta.get("name"), "args": meta.get("args"), "kwargs": meta.get("kwargs"),
            "worker": meta.get("worker"), "task_id": task_id,
        }  # fmt: skip
        return dumps(document, self._app.conf.result_serializer)[2]

    def known(self, task_id: str) -> bool | None:
        """True for a task that has a state; None otherwise: its message is elsewhere."""
        return task_id in self.fetch([task_id]) or None

    def forget(self, ids: Sequence[str]) -> None:
        for task_id in ids:
            if task_id.startswith(_GROUP):
                self._call("_delete_group", task_id.removeprefix(_GROUP))
            else:
                self._call("_forget", task_id)

    def watch(self) -> _Watch:
        return _Watch(self)

    def close(self) -> None:
        """Connections are the class's own affair."""


class _Watch(Looking):
    """See `umbel.backend.Watch`."""

    def __init__(self, store: ByClass) -> None:
        super().__init__()
        self._store = store

    def states(self, ids: list[str]) -> dict[str, str | None]:
        """Those that the class knows."""
        return {task_id: record.status for task_id, record in self._store.fetch(ids).items()}


def _request(task_id: str, document: dict[str, Any]) -> SimpleNamespace:
    """What Celery's classes ask of a run's request, as far as the document says it."""
    args, kwargs = document.get("args"), document.get("kwargs")
    return SimpleNamespace(
        id=task_id, task=document.get("name"), args=args, kwargs=kwargs, hostname=document.get("worker"),
        argsrepr=None if args is None else saferepr(tuple(args) if isinstance(args, list) else args),
        kwargsrepr=None if kwargs is None else saferepr(kwargs), retries=document.get("retries"),
        delivery_info={"routing_key": document.get("queue")}, group=document.get("group_id"), meta={},
        parent_id=document.get("parent_id"),
        children=[_plain(child) for child in document.get("children") or ()],
    )  # fmt: skip


def _plain(form: Any) -> SimpleNamespace:
    """A result, or a group of them, that knows its plain form only."""
    return SimpleNamespace(id=form[0][0], as_tuple=functools.partial(list, form))
