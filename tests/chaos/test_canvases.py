"""Workers are killed while workflows of all shapes run: each task once, each body once, each result right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.conftest import Run, begun
from tests.chaos.workflows import COUNTED, PARTS, put_through
from tests.conftest import Project
from tests.support.scale import count, limit

pytestmark = [pytest.mark.chaos, limit(90)]


@pytest.fixture
def canvases(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run over a file."""
    with begun(project, monkeypatch, "sqlite:///queue.db", None, PARTS + COUNTED) as run:
        yield run


def test_nested_workflows_over_kills(canvases: Run) -> None:
    flows = put_through(canvases, count(full=500, small=20), kills=count(full=100, small=5), whole=5)
    assert flows.faults() == []


def test_follow_ups_that_are_sent_apart_run_twice(canvases: Run) -> None:
    canvases.rng.seed(1)
    flows = put_through(canvases, 5, kills=0, whole=1, sabotage=[f"follow-ups-apart={canvases.path}"])
    faults = flows.faults()
    assert any("came by 2 messages" in fault for fault in faults)
    assert any("and nothing was killed in between" in fault for fault in faults)


def test_a_member_whose_end_is_told_apart_leaves_its_chord_open(canvases: Run) -> None:
    canvases.rng.seed(1)
    flows = put_through(canvases, 5, kills=0, whole=1, sabotage=[f"join-apart={canvases.path}"])
    faults = flows.faults()
    assert any("is stuck" in fault for fault in faults)
