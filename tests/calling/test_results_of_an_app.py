"""`app.backend`: called, it opens the results; and it writes and reads them by Celery's names."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from umbel import Umbel
from umbel.exceptions import ImproperlyConfigured, TaskRevokedError

_numbers = itertools.count()


@pytest.fixture
def app():
    with Umbel("results", broker=f"memory://results-{next(_numbers)}", set_as_current=False) as made:
        yield made


def test_what_is_written_is_read_by_a_handle(app: Umbel):
    results = app.backend
    results.mark_as_done("one", {"n": 1}, request=SimpleNamespace(parent_id="zero", group="g", reply_to=None))
    results.mark_as_failure("two", ValueError("bad", object), traceback="text")
    results.mark_as_revoked("three", "enough")
    results.mark_as_started("four", pid=7)
    results.mark_as_retry("five", OSError("later"))
    results.store_result("six", 50, "PROGRESS")
    assert app.AsyncResult("one").get(timeout=0) == {"n": 1}
    assert (results.get_state("one"), results.get_status("one"), results.get_result("one")) == ("SUCCESS",) * 2 + (
        {"n": 1},
    )
    assert results.get_task_meta("one")["parent_id"] == "zero"
    assert repr(app.AsyncResult("two").result) == "ValueError('bad', \"<class 'object'>\")"
    assert results.get_traceback("two") == "text"
    assert isinstance(results.get_result("three"), TaskRevokedError)
    assert [app.AsyncResult(name).state for name in ("four", "five", "six")] == ["STARTED", "RETRY", "PROGRESS"]
    assert app.AsyncResult("four").info == {"pid": 7}
    results.forget("one")
    assert results.get_state("one") == "PENDING"


def test_nothing_is_written_that_nobody_wants(app: Umbel):
    app.backend.mark_as_done("one", 1, request=SimpleNamespace(ignore_result=True))
    app.backend.mark_as_done("one", 1, store_result=False)
    app.backend.mark_as_failure("one", ValueError(), store_result=False)
    assert app.backend.get_state("one") == "PENDING"


def test_an_app_without_results():
    app = Umbel("none", broker="memory://none", backend="disabled", set_as_current=False)
    assert app.backend() is None
    assert app.backend.store_result("one", 1, "SUCCESS") == 1
    app.backend.forget("one")
    with pytest.raises(ImproperlyConfigured, match="result_backend"):
        app.backend.get_state("one")
    with pytest.raises(AttributeError, match="no 'client'"):
        assert app.backend.client


def test_a_class_that_replaces_apply_hands_over_what_it_wants(app: Umbel):
    class Wrapping(app.Task):
        abstract = True

        def apply(self, args=None, kwargs=None, **options):
            return super().apply((object, *args), kwargs, **options)

    task = app.task(base=Wrapping, name="wrapped", typing=False)(lambda kind, x: (kind.__name__, x))
    assert task.apply((1,)).get() == ["object", 1]
