"""The pytest plugin: an app's tasks on the real path, with a clock that the test moves."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
from umbel import Umbel

app = Umbel("shop")

@app.task(bind=True)
def mail(self, to):
    return f"{to} {self.request.retries}"

@pytest.fixture
def umbel_app():
    return app
"""

TEST = """
from conftest import mail

def test_delayed(umbel_worker, umbel_clock):
    result = mail.apply_async(("a@example.org",), countdown=3600)
    umbel_worker.drain()
    assert not result.ready()
    umbel_clock.advance(3601)
    umbel_worker.drain()
    assert result.get(timeout=0) == "a@example.org 0"

def test_each_test_has_an_empty_store(umbel_worker):
    assert umbel_worker.child.app.broker.shelf().counts() == []
"""


def test_a_users_test_runs_its_tasks(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", timeout=50)
    result.assert_outcomes(passed=2)
