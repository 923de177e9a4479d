"""Counts of chaos runs: small in `make test`, as large as asked for elsewhere."""

from __future__ import annotations

import pytest

from tests.support import scale


@pytest.mark.parametrize(("factor", "expected"), [("", 50), ("0", 50), ("0.001", 50), ("1", 10_000), ("2.5", 25_000)])
def test_counts_follow_the_factor(monkeypatch, factor, expected):
    monkeypatch.setenv("UMBEL_CHAOS_FACTOR", factor)
    assert scale.count(full=10_000, small=50) == expected


@pytest.mark.parametrize(("factor", "expected"), [("", 90), ("1", 3600), ("10", 36_000)])
def test_time_follows_the_factor(monkeypatch, factor, expected):
    monkeypatch.setenv("UMBEL_CHAOS_FACTOR", factor)
    assert scale.limit(90).args == (expected,)
