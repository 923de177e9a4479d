"""Row 42: SQLite serves several worker processes with no set-up, with control, and loses nothing
to kill -9."""

from __future__ import annotations

import os
import random
import signal
from typing import Any

from tests.support.until import until


def test_four_workers_on_the_default_file_share_the_work(project: Any) -> None:
    project.write(
        "plain.py",
        """
        import os, time
        from umbel import Umbel

        app = Umbel("plain")

        @app.task
        def who(n):
            time.sleep(0.005)
            return os.getpid()
        """,
    )
    workers = [project.forked_worker("plain", "-l", "INFO", "-c", "1", "-n", f"w{n}@%h") for n in range(4)]
    for worker in workers:
        worker.until_output("ready.", timeout=40)
    call = project.processes.python(
        "-c",
        "from plain import who\n"
        "results = list(who.delay_many([(n,) for n in range(400)]))\n"
        "print('sent', flush=True)\n"
        "print('done', len(results), len({r.get(timeout=60) for r in results}))\n",
    )
    call.until_output("sent", timeout=20)
    victim = random.choice(workers)
    for pid in [victim.pid, *victim.children()]:
        os.kill(pid, signal.SIGKILL)
    told = call.until_output("done 400 ", timeout=60)
    assert int(told.split()[-1]) >= 3, "several processes did the work"
    nodes = project.umbel("-A", "plain", "inspect", "ping")
    until(lambda: nodes.returncode == 0)
    assert "w1@" in nodes.stdout + nodes.stderr or victim is workers[1]
