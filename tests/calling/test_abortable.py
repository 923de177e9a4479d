"""Abortable tasks: asked to stop, they see it, and what they return takes the request's place."""

from __future__ import annotations

import pytest

from umbel import Umbel
from umbel.exceptions import ImproperlyConfigured
from umbel.result.disabled import DisabledBackend
from umbel.task.abortable import AbortableAsyncResult, AbortableTask
from umbel.testing.worker import InProcessWorker


def test_a_task_sees_that_it_was_aborted(app: Umbel):
    seen = []

    @app.task(bind=True, base=AbortableTask)
    def count(self):
        seen.append(self.is_aborted())
        self.AsyncResult(self.request.id).abort()
        seen.append(self.is_aborted())
        seen.append(self.is_aborted(task_id="another"))
        return "stopped early"

    result = count.delay()
    assert isinstance(result, AbortableAsyncResult)
    with InProcessWorker(app) as worker:
        worker.drain()
    assert seen == [False, True, False]
    assert (result.get(timeout=0), result.is_aborted()) == ("stopped early", False)


def test_a_task_that_waits_runs_and_sees_it(app: Umbel):
    @app.task(bind=True, base=AbortableTask)
    def count(self):
        return self.is_aborted()

    result = count.delay()
    result.abort()
    assert (result.state, result.is_aborted()) == ("ABORTED", True)
    with InProcessWorker(app) as worker:
        worker.drain()
    assert result.get(timeout=0) is True


def test_a_result_says_where_it_is_kept(app: Umbel):
    assert app.AsyncResult("1").backend is app.backend()


def test_without_results_nothing_can_be_aborted():
    with Umbel("none", broker="memory://none", backend="disabled", set_as_current=False) as app:
        result = AbortableAsyncResult("1", app=app)
        assert isinstance(result.backend, DisabledBackend)
        assert result.backend.store_result("1", None, "ABORTED") is None
        with pytest.raises(ImproperlyConfigured, match="keeps no results: set result_backend"):
            result.backend.get_state("1")
        with pytest.raises(ImproperlyConfigured, match="keeps no results: set result_backend"):
            result.abort()
