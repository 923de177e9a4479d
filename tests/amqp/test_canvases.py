"""Workers are killed while workflows run on RabbitMQ with their results on Redis; see tests/chaos/test_canvases.py."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import begun
from tests.chaos.workflows import PARTS, put_through
from tests.support.scale import count, limit
from tests.support.servers import redis_server

PATIENT = """
app.conf.worker_poison_limit = 1000  # whom kills hit again and again cannot be seen from here, so none is spared
"""


@pytest.fixture
def results(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.mark.chaos
@limit(120)
def test_nested_workflows_over_kills(project, monkeypatch, url, results):
    with begun(project, monkeypatch, url, results, PARTS + PATIENT) as run:
        run.history().overlap = 1.0  # what a killed process has sent, and not acknowledged, is sent again
        flows = put_through(run, count(full=500, small=20), kills=count(full=100, small=5), whole=5, patience=20)
        assert flows.faults() == []
