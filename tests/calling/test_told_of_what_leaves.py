"""`after_task_publish` of messages that leave with the end of a task: one for each `before_task_publish`, at once."""

from __future__ import annotations

import pytest

from umbel import Umbel, signals
from umbel.app.sharing import tasks
from umbel.einfo import ExceptionWithTraceback
from umbel.testing.worker import InProcessWorker


@pytest.fixture
def heard():
    """What the two signals said, in their order."""
    found: list[tuple[str, str]] = []

    def before(sender, headers, **kwargs):
        found.append(("before", headers["task"]))

    def after(sender, headers, **kwargs):
        found.append(("after", headers["task"]))

    signals.before_task_publish.connect(before)
    signals.after_task_publish.connect(after)
    yield found
    signals.before_task_publish.disconnect(before)
    signals.after_task_publish.disconnect(after)


@pytest.mark.parametrize("way", ["retry", "replace", "link"])
def test_each_has_its_end(app: Umbel, heard, way: str):
    @app.task(name="other")
    def other(*args):
        return None

    @app.task(bind=True, name="work")
    def work(self):
        if way == "retry" and not self.request.retries:
            raise self.retry(countdown=0)
        if way == "replace":
            raise self.replace(other.s())

    work.apply_async(link=other.s() if way == "link" else None)
    with InProcessWorker(app) as worker:
        worker.drain()
    name = "work" if way == "retry" else "other"
    assert heard == [("before", "work"), ("after", "work"), ("before", name), ("after", name)]


def test_the_registry_is_that_of_the_current_app(app: Umbel):
    @app.task(name="named")
    def named():
        return None

    assert tasks["named"] is tasks.get("named") is named
    assert "named" in tasks
    assert "named" in [*tasks]


def test_an_exception_with_its_traceback():
    error = ExceptionWithTraceback(ValueError("bad"), "Traceback: bad")
    assert (repr(error.exc), error.tb, str(error)) == ("ValueError('bad')", "Traceback: bad", "Traceback: bad")
