"""Stores that each break one guarantee, and only that one: they show that the conformance suites can fail.

Each is the memory store with one part replaced, and names the check that must fail on it. A test runs every check on
every one of them: the named check fails, all others pass. Some faults are narrower than a real one would be, because
a wide one is seen by many checks.

    base.py            what a broken store is, and its lab
    run.py             runs checks outside of pytest
    the other files    one a file of `umbel.testing.conformance.checks`
"""

from __future__ import annotations

from . import (
    claiming,
    closing,
    controlling,
    gathering,
    histories,
    joining,
    keeping,
    owning,
    publishing,
    racing,
    settling,
    shelving,
    tidying,
    waiting,
)
from .base import BROKEN, Broken

__all__ = [
    "Broken", "claiming", "closing", "controlling", "gathering", "histories", "joining", "keeping", "owning",
    "publishing", "racing", "settling", "shelving", "stores", "tidying", "waiting",
]  # fmt: skip


def stores() -> list[type[Broken]]:
    """Every broken store."""
    return list(BROKEN)
