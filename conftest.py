"""For every test of the tree, the examples' too."""

from __future__ import annotations

pytest_plugins = ["tests.support.leftovers"]
