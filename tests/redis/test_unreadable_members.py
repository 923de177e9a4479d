"""Members that cannot be read, on a real server, where the size of a chord is the store's."""

from __future__ import annotations

import pytest

from tests.calling.test_unreadable_members import (  # noqa: F401 - run here too, with the world of this module
    World,
    test_a_member_that_cannot_be_read_fails_the_body,
    test_what_a_worker_sends_of_a_member_says_it_too,
)
from umbel import Umbel
from umbel.testing.worker import InProcessWorker


@pytest.fixture
def world(url):
    app = Umbel("unreadable", broker=url, backend=url)
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)
