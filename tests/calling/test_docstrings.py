"""Every example in the docstrings of the calling side does what it says."""

from __future__ import annotations

import doctest

import pytest

import umbel.app.base
import umbel.app.decorating
import umbel.bulk
import umbel.canvas.base
import umbel.canvas.chains
import umbel.canvas.chords
import umbel.canvas.groups
import umbel.canvas.kinds
import umbel.canvas.naming
import umbel.canvas.stamps
import umbel.priority
import umbel.proxy
import umbel.registry
import umbel.result.eager
import umbel.result.handle
import umbel.result.rebuild
import umbel.retry
import umbel.task.base
import umbel.withdraw

MODULES = [
    umbel.app.base, umbel.app.decorating, umbel.canvas.base, umbel.canvas.chains, umbel.canvas.chords,
    umbel.canvas.groups, umbel.canvas.kinds, umbel.canvas.naming, umbel.canvas.stamps, umbel.priority,
    umbel.proxy, umbel.registry, umbel.result.eager, umbel.result.handle, umbel.result.rebuild, umbel.retry,
    umbel.task.base, umbel.bulk, umbel.withdraw,
]  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert result.failed == 0
