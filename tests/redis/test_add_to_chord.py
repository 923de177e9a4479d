"""Members that are added to a chord, on a real server: as on every store, and counted where Celery counts."""

from __future__ import annotations

import pytest

from tests.calling.test_add_to_chord import (  # noqa: F401 - run here too, with the world of this module
    World,
    test_a_failure_on_either_side_fails_the_body_when_all_have_ended,
    test_a_lazy_one_counts_whoever_ends_first,
    test_members_that_were_added_add_members,
    test_the_body_waits_for_what_was_added,
    test_what_a_task_added_outlasts_its_replacement,
    test_what_an_attempt_added_outlasts_its_retry,
)
from umbel import Umbel, chord
from umbel.testing.worker import InProcessWorker


@pytest.fixture
def world(url):
    app = Umbel("adds", broker=url, backend=url)
    with app, InProcessWorker(app, concurrency=2) as worker:
        yield World(app, worker)


def test_it_is_counted_where_celery_counts(world, link):
    members = [world.adds.s("first"), world.same.s(0).set(queue="nobody")]
    result = chord(members, world.total.s()).delay()
    world.worker.drain()
    stem = f"celery-taskset-meta-{result.parent.id}"
    assert (link.call("GET", f"{stem}.t"), link.call("ZCARD", f"{stem}.j")) == (b"1", 2)
    assert link.call("TTL", f"{stem}.t") > 0
