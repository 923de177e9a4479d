"""Row 3: all that a killed worker held is claimable within seconds, and runs exactly once more.

On Redis: tests/redis/test_chaos_of_servers.py, with leases that end meanwhile.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support import scale
from tests.support.until import until

HELD = scale.count(full=1_000, small=200)


@pytest.mark.chaos
@scale.limit(120)
@stores("quorum")
def test_each_of_many_tasks_runs_once_more(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    words, gate = tmp_path / "words", tmp_path / "gate"

    def runs() -> Counter[str]:
        return Counter(words.read_text().split() if words.exists() else ())

    holder = start("-P", "asyncio", "-c", str(HELD), "-n", "one@%h")
    results = pains.held.delay_many([(str(words), str(number), str(gate)) for number in range(HELD)])
    until(lambda: runs().total() == HELD, lambda: f"{runs().total()}", timeout=40)
    start("-P", "asyncio", "-c", str(HELD), "-n", "two@%h")
    holder.send_group(signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: runs().total() == 2 * HELD, lambda: f"{runs().total()} of {2 * HELD}", timeout=60)
    print(f"{HELD} ran again {time.monotonic() - killed:.1f} s after the kill")
    gate.touch()
    assert [result.get(timeout=20) for result in results] == [None] * HELD
    assert set(runs().values()) == {2}
