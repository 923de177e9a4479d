"""The store's disk is full, or its file is locked: `delay()` raises a typed error in time, the worker waits and goes on
when it is over, and nothing is lost or repeated."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.conftest import Run
from tests.support.history import append
from tests.support.processes import descendants
from tests.support.scale import count, limit
from tests.support.until import until
from umbel.exceptions import StoreFull, StoreLocked

pytestmark = [pytest.mark.chaos, limit(120)]


class Mounted:
    """A small file system of its own, filled by a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, _: Any, spare: int = 0) -> None:
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                try:
                    while filler.write(b"\0" * size):
                        pass
                except OSError:
                    continue
            filler.truncate(filler.tell() - spare)

    def free(self) -> None:
        (self.folder / "filler").unlink()


class Limited:
    """No file of these processes may grow beyond what the store has already (where nothing can be mounted)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids: list[int] = []

    def fill(self, worker: Any, spare: int = 0) -> None:
        size = spare + max(path.stat().st_size for path in self.folder.glob("queue.db*") if path.is_file())
        self.pids = [os.getpid(), *([worker.pid, *descendants(worker.pid)] if worker else [])]
        self._limit(size)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(params=["mounted", "limited"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mounted | Limited]:
    """A disk that can be filled and freed; ``tmp_path/disk`` is on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "limited":
        if not hasattr(resource, "prlimit"):
            pytest.skip("limits of other processes cannot be set here")
        limited = Limited(folder)
        yield limited
        limited.free()
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield Mounted(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


on_disk = pytest.mark.parametrize("chaos", [("sqlite:///disk/queue.db", None)], indirect=True)


def fill_by_sending(chaos: Run) -> int:
    """Send large messages until the store refuses one; those that it took are noted. Returns how many."""
    for taken in range(500):
        begin = time.monotonic()
        try:
            append(chaos.path, "enqueued", send_large(chaos))
        except StoreFull:
            assert time.monotonic() - begin < 5.5, "it did not keep its deadline"
            return taken
    raise AssertionError("the disk never became full")


def send_large(chaos: Run) -> str:
    result = chaos.tasks.work.apply_async((0.0,), headers={"padding": "x" * 200_000})
    return str(result.id)


@on_disk
def test_the_disk_is_full_during_enqueue(disk: Mounted | Limited, chaos: Run) -> None:
    chaos.send(5, "work")
    disk.fill(None, spare=4 << 20)
    taken = fill_by_sending(chaos)
    assert taken, "it became full in the middle of sending"
    with pytest.raises(StoreFull, match="Free space"):
        send_large(chaos)
    disk.free()
    chaos.send(5, "work")
    chaos.worker("-c", "2")
    chaos.settle()
    history = chaos.history()
    assert len(history.enqueued) == taken + 10
    assert len(history.ends) == taken + 10, "what a call refused must not run"
    assert chaos.faults() == []


@on_disk
def test_the_disk_is_full_during_settle(disk: Mounted | Limited, chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    sent = chaos.send(4, "large", 2_000_000, 1.0)
    until(lambda: len(chaos.history().starts) >= 2, timeout=20)
    disk.fill(worker)
    worker.until_output("does not answer", timeout=20)
    assert "There is no room left" in worker.output()
    assert worker.alive
    disk.free()
    chaos.settle()
    assert chaos.faults() == []
    assert chaos.history().repeated() == 0
    assert len(chaos.tasks.app.AsyncResult(sent[0]).get(timeout=5)) == 2_000_000


def test_the_file_is_locked_for_ten_seconds(chaos: Run) -> None:
    chaos.worker("-c", "2")
    running = chaos.send(2, "work", 0.5)
    until(lambda: all(chaos.starts(one) for one in running), timeout=20)
    chaos.tasks.app.conf.task_publish_deadline = 1.0
    with chaos.locked():
        begin = time.monotonic()
        with pytest.raises(StoreLocked):
            chaos.tasks.work.delay()
        assert 0.9 < time.monotonic() - begin < 2.0
        until(lambda: chaos.waited(count(full=10, small=7)), timeout=20)
        assert chaos.ended() == 2
    chaos.send(20, "work")
    chaos.settle()
    assert chaos.history().repeated() == 0
    assert chaos.faults() == []
