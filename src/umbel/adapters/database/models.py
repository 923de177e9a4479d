"""The tables of results as classes of SQLAlchemy's mapper, for programs that read them: Celery's names and columns.

    with SessionManager().session_factory("sqlite:///results.db") as session:
        failed = session.query(Task).filter(Task.status == "FAILURE").all()

`Task` has the columns that each result has, `TaskExtended` also those of `result_extended`, `TaskSet` is a saved group.
They are views of the tables that the store itself uses (`tables`), which makes and completes them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import NullPool

from .address import Address
from .tables import group_table, prepared, result_table

_ADDRESS: Final = Address.parse("db+sqlite://", {})
_TASKS: Final = result_table(_ADDRESS)
_GROUPS: Final = group_table(_ADDRESS)
_PLAIN: Final = ("id", "task_id", "status", "result", "date_done", "traceback", "children")


class ResultModelBase(DeclarativeBase):
    """Base of the classes."""

    @classmethod
    def configure(cls, schema: str | None = None, name: str | None = None) -> None:
        """Read from a table of another name or in another schema; all classes of that table do from now on.

        Args:
            schema: of the table, None for the default.
            name: of the table, None for Celery's.
        """
        table: Any = cls.__table__
        table.schema = schema
        table.name = name or table.info.setdefault("name", table.name)
        table.fullname = f"{schema}.{table.name}" if schema else table.name


class Task(ResultModelBase):
    """The result of a task.

    Args:
        task_id: of the task.
    """

    __table__ = _TASKS
    __mapper_args__ = {"include_properties": _PLAIN}  # noqa: RUF012 - as SQLAlchemy declares it

    def __init__(self, task_id: str) -> None:
        self.task_id: Any = task_id

    def to_dict(self) -> dict[str, Any]:
        """Its columns but for the number of the row; bytes as they are stored."""
        return {name: getattr(self, name) for name in _PLAIN if name != "id"}

    def __repr__(self) -> str:
        return f"<Task {self.task_id} state: {getattr(self, 'status', None)}>"


class TaskExtended(ResultModelBase):
    """The same with what `result_extended` adds: name, args, kwargs, worker, retries, queue.

    Args:
        task_id: of the task.
    """

    __table__ = _TASKS

    def __init__(self, task_id: str) -> None:
        self.task_id: Any = task_id

    def to_dict(self) -> dict[str, Any]:
        """Its columns but for the number of the row and umbel's own; bytes as they are stored."""
        return {
            column.name: getattr(self, column.name)
            for column in self.__table__.columns
            if column.name not in ("id", "umbel_expires")
        }

    __repr__ = Task.__repr__


class TaskSet(ResultModelBase):
    """A saved group.

    Args:
        taskset_id: of the group.
        result: its members, serialized.
    """

    __table__ = _GROUPS

    def __init__(self, taskset_id: str, result: Any) -> None:
        self.taskset_id: Any = taskset_id
        self.result: Any = result

    def to_dict(self) -> dict[str, Any]:
        """Id, members and moment."""
        return {name: getattr(self, name) for name in ("taskset_id", "result", "date_done")}

    def __repr__(self) -> str:
        return f"<TaskSet: {self.taskset_id}>"


class SessionManager:
    """Opens sessions for the classes.

    Args:
        engine_callback: called with each engine that is made.
    """

    def __init__(self, engine_callback: Callable[[sa.Engine], Any] | None = None) -> None:
        self.engine_callback = engine_callback
        self.prepared = False
        self._engines: dict[tuple[int, str], sa.Engine] = {}

    def get_engine(self, dburi: str, **kwargs: Any) -> sa.Engine:
        """The engine of a database; each process has its own, which keeps no connection.

        Args:
            dburi: URL as SQLAlchemy writes it.
            kwargs: arguments of ``create_engine``; those about a pool have no effect.
        """
        key = os.getpid(), dburi
        engine = self._engines.get(key)
        if engine is None:
            options = {name: value for name, value in kwargs.items() if not name.startswith("pool")}
            engine = self._engines[key] = sa.create_engine(dburi, poolclass=NullPool, **options)
            if self.engine_callback is not None:
                self.engine_callback(engine)
        return engine

    def create_session(
        self, dburi: str, short_lived_sessions: bool = False, **kwargs: Any
    ) -> tuple[sa.Engine, sessionmaker[Session]]:
        """The engine of a database, and what makes sessions of it; each session is a new one."""
        engine = self.get_engine(dburi, **kwargs)
        return engine, sessionmaker(bind=engine)

    def prepare_models(self, engine: sa.Engine) -> None:
        """Make the tables, and the columns that one of them lacks."""
        if not self.prepared:
            for table in (_TASKS, _GROUPS):
                prepared(engine, table)
            self.prepared = True

    def session_factory(self, dburi: str, **kwargs: Any) -> Session:
        """A session; the tables are there.

        Args:
            dburi: URL as SQLAlchemy writes it.
            kwargs: as of `get_engine`.
        """
        engine, make = self.create_session(dburi, **kwargs)
        self.prepare_models(engine)
        return make()

    def invalidate(self, dburi: str) -> None:
        """Forget the engine of a database."""
        engine = self._engines.pop((os.getpid(), dburi), None)
        if engine is not None:
            engine.dispose()


@contextlib.contextmanager
def session_cleanup(session: Session) -> Iterator[None]:
    """The block's changes are rolled back when it raises; at its end the session is closed."""
    try:
        yield
    except Exception:
        session.rollback()
        raise
    finally:
        session.close()
