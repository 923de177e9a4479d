"""Rate limits that all workers keep together: the suite over Redis, and two workers of one task."""

from __future__ import annotations

import pytest

from umbel import Umbel
from umbel.adapters.redis.broker import open_broker
from umbel.testing.conformance.pacing import PacerSuite

TASKS = """
import time
from umbel import Umbel

app = Umbel("slow", broker={url!r}, backend={url!r})

@app.task(rate_limit="4/s", rate_limit_scope="cluster")
def beat(n):
    return time.time()
"""


class TestRedisPacer(PacerSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})


def test_two_workers_keep_one_limit(project, url):
    project.write("slow.py", TASKS.format(url=url))
    workers = [project.forked_worker("slow", "-c", "1", "-n", f"{name}@here", "-l", "INFO") for name in "ab"]
    for worker in workers:
        worker.until_output("ready.", timeout=30)
    with Umbel("slow", broker=url, backend=url, set_as_current=False) as app:
        results = [app.send_task("slow.beat", (n,)) for n in range(10)]
        times = sorted(result.get(timeout=30) for result in results)
    assert times[-1] - times[0] > 7 * 0.25, times
    assert [worker.stop() for worker in workers] == [0, 0]
