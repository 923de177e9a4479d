"""Events over a file beside the store's."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.until import until
from umbel.adapters.sqlite import open_broker
from umbel.adapters.sqlite.monitor import EventLink
from umbel.monitor import News
from umbel.testing.conformance.monitor import MonitorSuite

TASKS = """
    from umbel import Umbel
    app = Umbel("shop", broker="sqlite:///shop.db")

    @app.task
    def add(x, y):
        return x + y
"""


class TestSqliteMonitor(MonitorSuite):
    @pytest.fixture
    def broker(self, tmp_path):
        return open_broker(f"sqlite:///{tmp_path}/store.db", {})


@pytest.fixture
def monitor(tmp_path):
    with closing(open_broker(f"sqlite:///{tmp_path}/store.db", {}).monitor()) as monitor:
        yield monitor


def test_nothing_is_written_while_nobody_listens(monitor, tmp_path):
    monitor.tell([News("worker.online", "w@h", b"{}")])
    assert list(tmp_path.iterdir()) == []


def test_a_listener_that_was_killed_is_noticed(monitor, processes, tmp_path):
    listening = f"""
from umbel.adapters.sqlite import open_broker
monitor = open_broker("sqlite:///{tmp_path}/store.db", {{}}).monitor()
monitor.listen()
print("listening", flush=True)
monitor.hear(600)
"""
    process = processes.start(sys.executable, "-c", listening)
    process.until_output("listening")
    assert monitor.tell([News("worker.online", "w@h", b"{}")]) is True
    process.stop(9)
    until(lambda: monitor.tell([News("worker.online", "w@h", b"{}")]) is False)


def test_the_file_does_not_grow(monitor, tmp_path):
    """A ring: of old messages nothing stays."""
    monitor.listen()
    for _ in range(103):
        monitor.tell([News("task.multi", "w@h", b"[]")] * 1000)
    assert len(monitor.hear(0.0)) >= 100_000
    link = EventLink(monitor._address)
    with closing(link):
        assert link.read("SELECT count(*), max(seq) FROM event") == [(100_000, 103_000)]


def test_umbel_events_reads_a_worker(project):
    """Nothing but the file is needed."""
    project.write("shop.py", TASKS)
    worker = project.forked_worker("shop", "-E", "-c", "1", "-n", "w1@%h")
    dump = project.processes.start(Path(worker.command[0]), "-A", "shop", "events", "--dump")
    dump.until_output("heartbeat: ", timeout=30)
    said = project.client("from shop import add; print(add.delay(2, 3).get(timeout=30))")
    assert said.stdout.strip() == "5", said
    seen = dump.until_output("task succeeded", timeout=20)
    assert "task received: shop.add(" in seen
    assert "result=5" in seen
