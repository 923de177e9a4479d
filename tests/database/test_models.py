"""The tables of results as classes of SQLAlchemy's mapper, and as a store from which a project derives its own."""

from __future__ import annotations

import itertools

import pytest

from umbel import Umbel
from umbel.adapters.database.models import SessionManager, Task, TaskExtended, TaskSet, session_cleanup
from umbel.app.databases import DatabaseBackend
from umbel.exceptions import ImproperlyConfigured
from umbel.result import GroupResult
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()


class Own(DatabaseBackend):
    """A project's own store."""

    stored = 0

    def _store_result(self, *args, **kwargs):
        type(self).stored += 1
        return super()._store_result(*args, **kwargs)


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'results.db'}"


def worked(app: Umbel, *calls):
    results = [task.delay(*args) for task, *args in calls]
    with InProcessWorker(app) as worker:
        worker.drain()
    return results


def shop(url: str, backend: str, **settings) -> Umbel:
    app = Umbel("shop", broker=f"memory://models-{next(_numbers)}", backend=backend, set_as_current=False)
    app.conf.update(database_url=url, **settings)
    return app


def test_results_are_read_by_the_mapper(url: str):
    app = shop(url, f"db+{url}", result_extended=True)
    add = app.task(name="add")(lambda x, y: x + y)
    (result,) = worked(app, (add, 1, 2))
    app.GroupResult("a-group", [result]).save()
    manager = SessionManager()
    session = manager.session_factory(url)
    with session_cleanup(session):
        plain = session.query(Task).filter(Task.task_id == result.id).one()
        assert (plain.status, plain.to_dict()["result"]) == ("SUCCESS", b"3")
        assert repr(plain) == f"<Task {result.id} state: SUCCESS>"
        extended = session.query(TaskExtended).one()
        assert (extended.name, extended.to_dict()["args"]) == ("add", b"[1,2]")
        assert session.query(TaskSet).one().to_dict()["taskset_id"] == "a-group"
    app.close()


def test_what_a_session_raises_is_rolled_back(url: str):
    manager = SessionManager()
    session = manager.session_factory(url)

    def store_and_fail():
        with session_cleanup(session):
            session.add(Task("an-id"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        store_and_fail()
    session = manager.session_factory(url)
    with session_cleanup(session):
        assert session.query(Task).count() == 0
    manager.invalidate(url)


def test_a_store_of_ones_own(url: str):
    app = shop(url, f"{Own.__module__}:Own")

    @app.task(name="boom")
    def boom():
        raise ValueError("bad")

    add = app.task(name="add")(lambda x, y: x + y)
    fine, bad = worked(app, (add, 1, 2), (boom,))
    assert fine.get(timeout=0) == 3
    assert repr(bad.get(timeout=0, propagate=False)) == "ValueError('bad')"
    assert Own.stored == 2
    backend = app.backend()
    assert isinstance(backend.inner, DatabaseBackend)
    session = app.backend.ResultSession()
    with session_cleanup(session):
        assert {one.status for one in session.query(app.backend.task_cls)} == {"SUCCESS", "FAILURE"}
    app.GroupResult("a-group", [fine]).save()
    assert GroupResult.restore("a-group", app=app).results == [fine]
    fine.forget()
    assert app.backend.get_state(fine.id) == "PENDING"
    app.close()


def test_one_without_a_database_says_so():
    app = Umbel("shop", broker=f"memory://models-{next(_numbers)}", set_as_current=False)
    with pytest.raises(ImproperlyConfigured, match="database_url"):
        DatabaseBackend(app=app)
