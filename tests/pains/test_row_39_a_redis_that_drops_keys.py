"""Row 39: a worker does not start on a Redis that drops whole queues, unless it is told to.

At `maxmemory` work goes on and the server becomes empty: tests/redis/test_chaos_of_servers.py and
tests/redis/test_full_server.py. RabbitMQ short of memory: tests/amqp/test_alarm.py.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from tests.conftest import Project
from tests.pains.conftest import stores, written
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link


@stores("redis")
@pytest.mark.usefixtures("pains")
def test_an_evicting_server_is_refused_until_it_is_allowed(project: Project, store: str) -> None:
    with closing(Link(Address.parse(store, {}))) as link:
        link.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    worker = project.forked_worker("pains", "-c", "1")
    assert worker.wait(timeout=30) != 0
    assert "drops any key when its memory is full (maxmemory-policy allkeys-lru)" in worker.output()
    assert "Traceback" not in worker.output()
    allowed: dict[str, Any] = {"broker_transport_options": {"allow_eviction": True}}
    project.write("pains.py", written(store, **allowed))
    worker = project.forked_worker("pains", "-c", "1", "-l", "INFO")
    worker.until_output("ready.", timeout=20)
    assert "may drop keys when its memory is full" in worker.output()
    assert worker.stop() == 0
