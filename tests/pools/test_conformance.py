"""The three pools pass the suite of their contract."""

from __future__ import annotations

import pytest

from tests.pools.labs import AsyncioLab, InlineLab, ThreadLab
from umbel.testing.conformance.pool import PoolStorm, PoolSuite


class TestInline(PoolSuite):
    @pytest.fixture
    def lab(self):
        return InlineLab()


class TestThread(PoolSuite):
    @pytest.fixture
    def lab(self):
        return ThreadLab()


class TestAsyncio(PoolSuite):
    @pytest.fixture
    def lab(self):
        return AsyncioLab()


@pytest.mark.chaos
class TestInlineStorm(PoolStorm):
    @pytest.fixture
    def lab(self):
        return InlineLab()


@pytest.mark.chaos
class TestThreadStorm(PoolStorm):
    @pytest.fixture
    def lab(self):
        return ThreadLab()


@pytest.mark.chaos
class TestAsyncioStorm(PoolStorm):
    @pytest.fixture
    def lab(self):
        return AsyncioLab()
