"""Workers are killed while workflows of all shapes run on Redis; see tests/chaos/test_canvases.py."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import begun
from tests.chaos.workflows import COUNTED, PARTS, put_through
from tests.support.scale import count, limit


@pytest.mark.chaos
@limit(90)
def test_nested_workflows_over_kills(project, monkeypatch, url):
    with begun(project, monkeypatch, url, url, PARTS + COUNTED) as run:
        flows = put_through(run, count(full=500, small=20), kills=count(full=100, small=5), whole=5)
        assert flows.faults() == []
