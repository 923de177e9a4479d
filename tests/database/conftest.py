"""Real databases: SQLite in a file, and one PostgreSQL for the session with a database for each test."""

from __future__ import annotations

import pytest

from tests.support.postgresql import postgresql_server


@pytest.fixture(scope="session")
def postgresql():
    """A server that all tests of this process share; do not stop it."""
    with postgresql_server() as server:
        yield server


@pytest.fixture
def own_postgresql():
    """A server of this test alone, to be stopped, killed and started again."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"db+sqlite:///{tmp_path}/results.db"
    return f"db+{request.getfixturevalue('postgresql').database()}"
