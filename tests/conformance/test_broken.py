"""Each broken store fails the one check that it names, and no other; and there is one for each check."""

from __future__ import annotations

import pytest
from hypothesis import Phase

from umbel.testing.broken import stores
from umbel.testing.broken.run import checks_of, failing
from umbel.testing.conformance.backend import BackendSuite
from umbel.testing.conformance.broker import BrokerSuite


class Suite(BrokerSuite, BackendSuite):
    phases = (Phase.generate,)


CHECKS = checks_of(Suite)
# It compares everything with a model, so it finds what others find.
HISTORIES = "test_every_message_is_in_exactly_one_place"


@pytest.mark.parametrize("store", stores(), ids=lambda store: store.__name__)
def test_a_broken_store_fails_its_check_only(store):
    checks = [check for check in CHECKS if check != HISTORIES or store.breaks == HISTORIES]
    assert list(failing(Suite, checks, store)) == [store.breaks]


def test_every_check_has_a_store_that_fails_it():
    assert {store.breaks for store in stores()} == set(CHECKS)
