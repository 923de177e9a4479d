"""Opened pools."""

from __future__ import annotations

import pytest

from tests.pools.labs import AsyncioLab, InlineLab, ThreadLab
from umbel.testing.conformance.poolscene import Scene


def opened(lab):
    scene = Scene(lab)
    yield scene
    scene.close()


@pytest.fixture
def inline():
    yield from opened(InlineLab())


@pytest.fixture
def threads():
    yield from opened(ThreadLab())


@pytest.fixture
def loop():
    yield from opened(AsyncioLab())
