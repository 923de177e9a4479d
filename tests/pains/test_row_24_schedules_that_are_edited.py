"""Row 24: many schedules are due each second while somebody edits them and their store is restarted: no tick is
missing, none runs twice or late, and an edit acts within a second."""

from __future__ import annotations

import runpy
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.support import scale
from tests.support.servers import Redis, redis_server
from tests.support.until import until
from umbel.beat.times import SECOND, tick_id

ENTRIES = scale.count(full=500, small=60)
EDITS = scale.count(full=60, small=2)

SHOP = """
import os, time
from umbel import Umbel
from umbel.schedules import every

app = Umbel("shop", broker={broker!r}, backend={results!r})
app.conf.task_default_queue = "ticks"

@app.task(name="shop.tick", bind=True, ignore_result=True)
def tick(self, edition):
    log = os.open("ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, f"{{self.request.id}} {{time.time()}} {{edition}}\\n".encode())
    os.close(log)

each = {{"task": "shop.tick", "schedule": every(seconds=1), "args": [0], "catch_up": "all", "catch_up_most": 1000}}
app.conf.beat_schedule = {{f"entry-{{number}}": each for number in range({entries})}}
"""


@pytest.fixture
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Where the schedule is kept; it loses nothing when it is killed."""
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    with redis_server(tmp_path_factory.mktemp("redis"), *durable) as keeper:
        yield keeper


class Ticks:
    """What ran: by entry and second, when, and with which edition of the entry."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin = int(time.time()) - 5

    def ran(self) -> dict[str, dict[int, list[tuple[float, int]]]]:
        known = {
            tick_id("shop", f"entry-{number}", second * int(SECOND)): (f"entry-{number}", second)
            for number in range(ENTRIES)
            for second in range(self._begin, int(time.time()) + 2)
        }
        found: dict[str, dict[int, list[tuple[float, int]]]] = defaultdict(lambda: defaultdict(list))
        for line in self._path.read_text().splitlines() if self._path.exists() else []:
            task_id, at, edition = line.split()
            entry, second = known[task_id]
            found[entry][second].append((float(at), int(edition)))
        return found

    def newest(self, entry: str) -> int:
        return max(self.ran()[entry], default=0)


@pytest.mark.alone
@pytest.mark.chaos
@scale.limit(120)
@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_no_tick_is_missing_while_schedules_are_edited_and_their_store_is_restarted(
    project: Project, keeper: Redis, broker: str, request: pytest.FixtureRequest
) -> None:
    url = keeper.url if broker == "redis" else request.getfixturevalue("rabbitmq").vhost()
    path = project.write("shop.py", SHOP.format(broker=url, results=keeper.url, entries=ENTRIES))
    ticks = Ticks(project.folder / "ran")
    worker = project.worker("shop", "-B", "-c", "1", "-l", "WARNING")
    until(lambda: len(ticks.ran()) == ENTRIES, worker.output, timeout=40)
    edited = {}
    with runpy.run_path(str(path))["app"] as app:
        for number in range(EDITS):
            entry = f"entry-{number % ENTRIES}"
            app.schedules.edit(entry, args=[number + 1])
            edited[entry] = time.time(), number + 1
            begin = ticks.newest("entry-0")
            until(lambda: ticks.newest("entry-0") > begin + 1, worker.output, timeout=40)  # noqa: B023 - called here
    down = time.time()
    keeper.kill()
    keeper.start()
    back = time.time()
    until(lambda: ticks.newest("entry-0") > back + 3, worker.output, timeout=60)
    assert worker.stop(signal.SIGTERM, timeout=40) == 0
    judge(ticks.ran(), edited, down, back)


def judge(ran: Any, edited: dict[str, tuple[float, int]], down: float, back: float) -> None:
    """Each second of each entry once; each edit in each tick that came a second after it; and in time."""
    last = min(max(seconds) for seconds in ran.values()) - 1  # what was sent behind it may wait for the next worker
    first = max(min(seconds) for seconds in ran.values())
    assert last > back
    for entry, seconds in ran.items():
        assert {*range(first, last + 1)} <= {*seconds}, f"{entry} misses a tick"
        assert max(map(len, seconds.values())) == 1, f"a tick of {entry} ran twice"
    for entry, (at, edition) in edited.items():
        later = {seen for second, ((_, seen),) in ran[entry].items() if second > at + 1}
        assert later == {edition}, f"the edit of {entry} was not there within a second"
    lags = sorted(
        at - second
        for seconds in ran.values()
        for second, ((at, _),) in seconds.items()
        if first < second <= last and not down - 1 < second < back + 3
    )
    share = 0.99 if scale.factor() else 0.5  # a machine that others use as well may stand still for a second
    assert lags[int(len(lags) * share)] < 1, f"late by {lags[len(lags) // 2]:.2f} s, at most by {lags[-1]:.2f} s"
