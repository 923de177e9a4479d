"""`worker_proc_alive_timeout`: a child that does not become ready is killed and replaced."""

from __future__ import annotations

SLOW = """
import threading
from pathlib import Path
from shop import app
from umbel.signals import worker_process_init

app.conf.worker_proc_alive_timeout = 1.0

@worker_process_init.connect
def load(**_):
    if not Path("tried").exists():
        Path("tried").touch()
        threading.Event().wait()
"""


def test_it_is_killed_and_replaced(shop):
    shop.write("slow.py", SLOW)
    worker = shop.worker("slow", "-l", "INFO", "-c", "1")
    output = worker.until_output("ready.", timeout=20)
    assert "was not ready within 1 s and was killed; it ran 0 task(s)" in output
    done = shop.umbel("-q", "-A", "shop", "call", "shop.add", "-a", "[2, 3]", "--wait", "10")
    assert done.stdout.splitlines()[1:] == ["5"]
    assert worker.stop() == 0


def test_without_a_limit_it_is_waited_for(shop):
    shop.write("slow.py", SLOW.replace("= 1.0", "= 0").replace(".wait()", ".wait(1.5)"))
    worker = shop.worker("slow", "-l", "INFO", "-c", "1")
    assert "was not ready" not in worker.until_output("ready.", timeout=20)
    assert worker.stop() == 0
