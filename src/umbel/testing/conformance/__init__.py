"""The conformance suites: a contract in executable form. A store that passes its suite can stand behind a worker.

    broker    BrokerSuite    every sentence of `umbel.broker`
    backend   BackendSuite   every sentence of `umbel.backend`
    shared    SharedSuite    what several processes see of one store
    monitor   MonitorSuite   every sentence of `umbel.monitor`, the optional part that carries events
    pool      PoolSuite, PoolStorm   every sentence of `umbel.pool`; interrupts at random moments

To test a store of your own, write a `Lab` (a fresh store that can be opened as often as wanted) and give it to the
suite as a fixture:

    class TestMyStore(BrokerSuite):
        @pytest.fixture
        def lab(self, tmp_path):
            lab = MyLab(tmp_path)
            yield lab
            lab.close()

Every check shows one guarantee and is named after it. What a store cannot promise is said by its `Abilities`: a check
asks for what they say, and one that cannot run without an ability is marked so (`needs`). `umbel.testing.broken` holds,
for each check, a store that fails that one and no other.

It needs pytest and hypothesis.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "umbel.testing.conformance.checks", "umbel.testing.conformance.broker", "umbel.testing.conformance.backend",
    "umbel.testing.conformance.pool", "umbel.testing.conformance.poolscene", "umbel.testing.conformance.monitor",
)  # fmt: skip
