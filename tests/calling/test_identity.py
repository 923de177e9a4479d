"""The names of a process are the same for all its threads, from the first moment on."""

from __future__ import annotations

import sys
import threading
import uuid

import pytest

from umbel import identity


@pytest.fixture
def eager_switching():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switching")
def test_threads_that_ask_at_once_get_one_name(monkeypatch):
    for _ in range(50):
        monkeypatch.setattr(identity, "_process", identity._Process())
        together = threading.Barrier(8)
        found = []

        def ask(together=together, found=found):
            together.wait(20)
            found.append(identity.oid())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(set(found)) == 1
        assert uuid.UUID(found[0]).version == 3
