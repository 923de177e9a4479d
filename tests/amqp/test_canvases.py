"""Workers are killed while workflows run on RabbitMQ with their results on Redis; see tests/chaos/test_canvases.py."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import begun
from tests.chaos.workflows import PARTS, put_through
from tests.support.scale import count, limit
from tests.support.servers import redis_server


@pytest.fixture
def results(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.mark.chaos
@limit(120)
def test_nested_workflows_over_kills(project, monkeypatch, url, results):
    with begun(project, monkeypatch, url, results, PARTS) as run:
        flows = put_through(run, count(full=500, small=20), kills=count(full=100, small=5), whole=5)
        assert flows.faults() == []
