"""Workers are killed while workflows run on RabbitMQ; see tests/chaos/test_canvases.py.

Their results are in Redis, and at full counts in SQLite too: two stores join chords, each in its own way.
"""

from __future__ import annotations

import pytest

from tests.chaos.conftest import begun
from tests.chaos.workflows import PARTS, put_through
from tests.support.scale import count, factor, limit
from tests.support.servers import redis_server

PATIENT = """
app.conf.worker_poison_limit = 1000  # whom kills hit again and again cannot be seen from here, so none is spared
"""


@pytest.fixture(params=["redis", "sqlite"] if factor() else ["redis"])
def results(request, tmp_path_factory):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('results')}/results.db"
        return
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.mark.chaos
@limit(120)
def test_nested_workflows_over_kills(project, monkeypatch, url, results):
    with begun(project, monkeypatch, url, results, PARTS + PATIENT) as run:
        run.history().overlap = 1.0  # what a killed process has sent, and not acknowledged, is sent again
        flows = put_through(run, count(full=500, small=20), kills=count(full=100, small=5), whole=5, patience=20)
        assert flows.faults() == []
