"""Each store that breaks what processes share fails the check that it names; `make soak` sees that no other fails."""

from __future__ import annotations

import inspect
from contextlib import ExitStack, closing

import pytest

from tests.conformance.patient import SharedSqliteLab
from umbel.adapters.sqlite import wake
from umbel.testing.broken.run import checks_of
from umbel.testing.broken.shared import BACKEND_CHECKS, BROKER_CHECKS
from umbel.testing.conformance.checks import sharing
from umbel.testing.conformance.neighbour import Neighbour
from umbel.testing.conformance.scene import opened_scene
from umbel.testing.conformance.shared import SharedSuite

NAMED = {**BROKER_CHECKS, **BACKEND_CHECKS}
OTHERS = [(store, check) for store, named in NAMED.items() for check in checks_of(SharedSuite) if check != named]


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(wake, "SWEEP", wake.SWEEP)

    def run(store, check, patience):
        path = f"umbel.testing.broken.shared:{store}"
        lab = SharedSqliteLab(**{"opener" if store in BROKER_CHECKS else "backend": path})
        lab.patience = patience
        method = getattr(SharedSuite(), check)
        with closing(lab), opened_scene(lab) as scene, ExitStack() as stack:
            wanted = len(inspect.signature(method).parameters) - 1
            neighbours = [Neighbour(lab.opener, lab.backend_opener, lab.url) for _ in range(wanted)]
            for neighbour in neighbours:
                stack.enter_context(closing(neighbour))
            method(scene, *neighbours)

    return run


@pytest.mark.parametrize(("store", "check"), NAMED.items())
def test_a_broken_store_fails_its_check(run, monkeypatch, store, check):
    monkeypatch.setattr(sharing, "ROUNDS", 1)  # it fails in each
    with pytest.raises(AssertionError):
        run(store, check, 0.5)


@pytest.mark.soak
@pytest.mark.parametrize(("store", "check"), OTHERS)
def test_a_broken_store_passes_the_other_checks(run, store, check):
    assert run(store, check, 5.0) is None


def test_every_check_has_a_store_that_fails_it():
    assert sorted(NAMED.values()) == checks_of(SharedSuite)
