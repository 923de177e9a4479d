"""A chord whose workers are killed while its header runs: every member counts, and the body runs once."""

from __future__ import annotations

import random

import pytest

from tests.redis.test_chaos import hurt
from tests.support import scale
from tests.support.until import until

TASKS = """
    import os, time
    from umbel import Umbel

    app = Umbel("chaos", broker={url!r}, backend={url!r})

    def note(name, line):
        log = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, line)
        os.close(log)

    @app.task
    def member(number):
        note("members", b"%d\\n" % number)
        return number

    @app.task
    def body(numbers):
        note("bodies", b"ran\\n")
        return numbers
"""
SEND = """
from chaos import body, member
from umbel import chord
print(chord(member.s(n) for n in range({}))(body.s()).id)
"""
READ = "from chaos import app\nprint(app.AsyncResult({!r}).get(timeout=60) == list(range({})))"


@pytest.mark.chaos
@scale.limit(180)
def test_the_body_runs_once_with_all_results(project, url):
    total, chance = scale.count(full=45_000, small=1_000), random.Random(scale.seed())
    project.write("chaos.py", TASKS.format(url=url))
    members, bodies = project.folder / "members", project.folder / "bodies"
    sent = project.processes.run("-c", SEND.format(total), timeout=60)
    assert sent.returncode == 0, sent
    worker, kills = project.worker("chaos", "-c", "2"), scale.count(full=12, small=2)
    for number in range(1, kills + 1):
        part = total * number // (kills + 2)
        until(lambda part=part: members.exists() and members.read_bytes().count(b"\n") >= part, timeout=60)
        victim = ("worker", "child")[number - 1] if number < 3 else chance.choice(("worker", "child"))
        if hurt(victim, None, worker, chance) == "worker":
            worker = project.worker("chaos", "-c", "2")
    until(bodies.exists, worker.output, timeout=100)
    assert project.processes.run("-c", READ.format(sent.stdout.strip(), total), timeout=90).stdout == "True\n"
    assert worker.stop() == 0
    assert bodies.read_text() == "ran\n"
    assert set(map(int, members.read_text().split())) == set(range(total))
