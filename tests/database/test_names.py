"""Celery's short names of a database of results."""

from __future__ import annotations

import pytest

from umbel import Umbel
from umbel.exceptions import ImproperlyConfigured


@pytest.mark.parametrize("name", ["db", "database"])
@pytest.mark.parametrize("prefix", ["", "db+"])
def test_a_short_name_means_the_database_of_the_settings(tmp_path, name, prefix):
    with Umbel("shop", broker="memory://names", backend=name) as app:
        app.conf.database_url = f"{prefix}sqlite:///{tmp_path}/results.db"
        assert app.result_url == f"db+sqlite:///{tmp_path}/results.db"
        assert app.backend().fetch(["nobody"]) == {}


def test_a_short_name_without_a_database_is_one_sentence():
    with (
        Umbel("shop", broker="memory://names", backend="db") as app,
        pytest.raises(ImproperlyConfigured, match="means the database that `database_url` names, and that is not set"),
    ):
        app.backend()
