from __future__ import annotations

import pytest

from tests.sqlite.store import Store


@pytest.fixture
def store(tmp_path):
    """A store that does not exist yet; at the end it must be sound."""
    store = Store(tmp_path / "state")
    yield store
    store.close()
    if store.path.exists():
        assert store.faults() == []
