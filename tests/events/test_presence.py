"""How often a worker says that it lives, to those who watch."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from umbel import Umbel
from umbel.ids import new_id
from umbel.worker.options import WorkerOptions
from umbel.worker.presence import UNHEARD, Presence

BROOD = SimpleNamespace(active=0, processed=0)


@pytest.mark.parametrize(
    ("heartbeat", "heard", "said"),
    [(2.0, True, 6), (3.0, True, 4), (2.0, False, 1), (30.0, False, 0), (0.0, True, 0)],
)  # fmt: skip
def test_heartbeats(monkeypatch, heartbeat, heard, said):
    with Umbel("watched", broker=f"memory://{new_id()}") as app:
        presence = Presence(app, WorkerOptions(hostname="w1@here", heartbeat=heartbeat), BROOD)
        posted = []
        monkeypatch.setattr(app.events.herald, "post", lambda *parts: posted.append(parts[-1]))
        monkeypatch.setattr(app.events.herald, "heard", heard)
        monkeypatch.setattr("umbel.worker.presence.clock.monotonic", lambda: now)
        now = 1000.0
        presence.online()
        for _ in range(int(UNHEARD) + 2):
            now += 1.0
            presence.beat(now)
        kinds = [event["type"] for event in posted]
        assert (kinds[0], kinds.count("worker-heartbeat")) == ("worker-online", said)
        assert {event["freq"] for event in posted} == {heartbeat}
