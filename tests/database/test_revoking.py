"""A task that is revoked while it waits: its message is in one store, and whoever waits for it looks into another."""

from __future__ import annotations

import pytest

from umbel import Umbel
from umbel.control import Control
from umbel.exceptions import TaskRevokedError


@pytest.fixture
def app(tmp_path):
    with Umbel("shop", broker=f"sqlite:///{tmp_path}/shop.db", backend=f"db+sqlite:///{tmp_path}/results.db") as app:
        yield app


def by_result(app, result):
    result.revoke()


def by_control(app, result):
    with Control(app) as control:
        assert control.revoke([result.id, "nobody"]) == [result.id]


@pytest.mark.parametrize("revoke", [by_result, by_control])
def test_who_waits_for_it_is_told(app, revoke):
    @app.task
    def add(a, b):
        return a + b

    result = add.delay(1, 2)
    revoke(app, result)
    assert result.state == "REVOKED"
    with pytest.raises(TaskRevokedError):
        result.get(timeout=10)
    assert app.AsyncResult("nobody").state == "PENDING", "what was not removed may still run"
