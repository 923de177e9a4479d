"""The pytest plugin: run an app's tasks through the real path, in process.

    def test_mail(umbel_worker, umbel_clock):
        result = send_mail.apply_async(("a@example.org",), countdown=3600)
        umbel_worker.drain()
        assert not result.ready()
        umbel_clock.advance(3600)
        umbel_worker.drain()
        assert result.get(timeout=0) == "sent"

The worker is the real loop (claims, attempts, settles, limits) over a memory store of its own; only processes are left
out. Give it your app by overriding the fixture `umbel_app` in ``conftest.py``; without one, a new app is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from .. import ids
from ..app import Umbel
from .clock import MovableClock, moved_clock
from .worker import InProcessWorker

_URLS: Final = ("broker_url", "broker_read_url", "broker_write_url", "result_backend")


@pytest.fixture
def umbel_app() -> Umbel:
    """The app under test; override it to return yours."""
    return Umbel("test")


@pytest.fixture
def umbel_clock() -> Iterator[MovableClock]:
    """A clock that jumps when the test says so: ``umbel_clock.advance(seconds)``."""
    with moved_clock() as clock:
        yield clock


@pytest.fixture
def umbel_store(umbel_app: Umbel) -> Iterator[str]:
    """Point the app at an empty memory store for one test; its own stores are untouched."""
    url = f"memory://{ids.new_id()}"
    kept = {name: umbel_app.conf[name] for name in _URLS if umbel_app.conf.is_explicit(name)}
    umbel_app.close()
    umbel_app.conf.update(dict.fromkeys(_URLS, url))
    try:
        yield url
    finally:
        umbel_app.close()
        for name in _URLS:
            if name in kept:
                umbel_app.conf[name] = kept[name]
            else:
                del umbel_app.conf[name]


@pytest.fixture
def umbel_worker(umbel_app: Umbel, umbel_store: str) -> Iterator[InProcessWorker]:
    """A worker of the app on the memory store; ``umbel_worker.drain()`` runs everything that is ready."""
    with InProcessWorker(umbel_app) as worker:
        yield worker
