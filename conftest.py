"""For every test of the tree, the examples' too."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.leftovers"]

# Three runs share two cores: how long one example takes there says nothing about what is tested.
settings.register_profile("umbel", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("umbel")
