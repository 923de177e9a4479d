"""Result stores that are classes of Celery's kind, named by a path."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from umbel import Umbel, group
from umbel.exceptions import ImproperlyConfigured, StoreUnavailable
from umbel.result import GroupResult
from umbel.result.classes import BaseBackend, KeyValueStoreBackend
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()
KEPT: dict[str, object] = {}
AWAY: list[Exception] = []


class Kept(KeyValueStoreBackend):
    """Results in a dictionary; it is away while `AWAY` has an error."""

    def get(self, key):
        if AWAY:
            raise AWAY[0]
        return KEPT.get(key)

    def set(self, key, value):
        KEPT[key] = value

    def delete(self, key):
        KEPT.pop(key, None)


class OperationalError(Exception):
    """As drivers of databases call it."""


@pytest.fixture
def app() -> Iterator[Umbel]:
    KEPT.clear()
    AWAY.clear()
    name, number = f"{__name__}:Kept", next(_numbers)
    with Umbel("classes", broker=f"memory://classes-{number}", backend=name, set_as_current=False) as made:
        yield made


def drained(app: Umbel) -> None:
    with InProcessWorker(app) as worker:
        worker.drain()


def test_results_errors_progress_and_groups(app: Umbel):
    app.conf.result_extended = True

    @app.task(name="add", bind=True)
    def add(self, x, y):
        self.update_state(state="PROGRESS", meta=x)
        return x + y

    @app.task(name="boom")
    def boom():
        raise ValueError("bad", 42)

    one, failed = add.delay(1, 2), boom.delay()
    assert (one.state, one.backend.known(one.id)) == ("PENDING", None)
    add.update_state(task_id=one.id, state="PROGRESS", meta={"done": 1})
    assert (one.state, one.info, one.backend.known(one.id)) == ("PROGRESS", {"done": 1}, True)
    drained(app)
    assert (one.get(timeout=5), one.name, one.args) == (3, "add", [1, 2])
    assert repr(failed.get(timeout=5, propagate=False)) == "ValueError('bad', 42)"
    assert failed.traceback.endswith("ValueError: ('bad', 42)\n")
    store = failed.backend
    assert (store.get_state(failed.id), repr(store.get_result(failed.id))) == ("FAILURE", "ValueError('bad', 42)")
    assert store.get_traceback(failed.id) == failed.traceback

    several = group(add.s(n, n) for n in range(3)).set(app=app)
    saved = several.apply_async()
    saved.save()
    drained(app)
    assert GroupResult.restore(saved.id, app=app).get(timeout=5) == [0, 2, 4]
    saved.delete()
    assert GroupResult.restore(saved.id, app=app) is None
    one.forget()
    assert app.AsyncResult(one.id).state == "PENDING"


def test_a_success_stands(app: Umbel):
    store = app.AsyncResult("1").backend
    store.store_result("1", 5, "SUCCESS")
    app.AsyncResult("1").revoke()
    assert app.AsyncResult("1").state == "SUCCESS"
    store.store_result("2", ValueError("bad"), "FAILURE", "the text")
    assert repr(app.AsyncResult("2").get(timeout=0, propagate=False)) == "ValueError('bad')"


def test_what_is_away_is_an_error_of_the_store(app: Umbel):
    AWAY.append(OperationalError("server closed the connection"))
    with pytest.raises(StoreUnavailable, match="results cannot be reached: server closed the connection"):
        assert app.AsyncResult("1").state
    AWAY[0] = ValueError("a mistake of the class")
    with pytest.raises(ValueError, match="a mistake"):
        assert app.AsyncResult("1").state


def test_what_a_class_lacks_is_told(app: Umbel):
    bare = BaseBackend(app, expires=60, expires_type=int)
    assert bare.expires == 60
    assert bare.decode(bare.encode({"a": [1]})) == {"a": [1]}
    assert bare.decode(None) is None
    with pytest.raises(ImproperlyConfigured, match="BaseBackend has no method _store_result; it needs one"):
        bare.store_result("1", None, "SUCCESS")
    for ask in (bare.forget, bare.get_state, bare.delete_group):
        with pytest.raises(ImproperlyConfigured, match="it needs one"):
            ask("1")


@pytest.mark.parametrize("name", ["nowhere.at_all:Store", f"{__name__}:Nothing"])
def test_a_class_that_is_not_there(name: str):
    app = Umbel("wrong", broker="memory://wrong", backend=name, set_as_current=False)
    with pytest.raises(ImproperlyConfigured, match=r"nowhere|Nothing"):
        app.backend()
