"""Results in the serializer that the user names: what JSON has no word for comes back as it was."""

from __future__ import annotations

import pickle

import pytest

from umbel import Umbel
from umbel.testing.worker import InProcessWorker


@pytest.fixture
def app():
    app = Umbel("pickles", broker="memory://", set_as_current=False)
    app.conf.update(result_serializer="pickle", result_accept_content=["pickle", "json"])
    return app


def run(app, task, *args):
    with InProcessWorker(app) as worker:
        result = task.delay(*args)
        worker.drain()
        return result


def test_a_set_comes_back_as_a_set(app):
    @app.task(name="pickles.letters")
    def letters(text):
        return {*text}

    result = run(app, letters, "abca")
    assert result.get(timeout=0) == {"a", "b", "c"}
    stored = pickle.loads(app.backend().fetch([result.id])[result.id].document)
    assert (stored["status"], stored["result"], stored["task_id"]) == ("SUCCESS", {"a", "b", "c"}, result.id)


def test_a_failure_is_raised(app):
    @app.task(name="pickles.fail")
    def fail():
        raise ValueError("bad", 42)

    result = run(app, fail)
    with pytest.raises(ValueError, match="bad") as caught:
        result.get(timeout=0)
    assert caught.value.args == ("bad", 42)
    assert app.backend().fetch([result.id])[result.id].document[:1] == b"\x80"


def test_what_it_cannot_carry_fails_the_task(app):
    @app.task(name="pickles.lock")
    def lock():
        return (number for number in range(3))

    result = run(app, lock)
    assert result.state == "FAILURE"
