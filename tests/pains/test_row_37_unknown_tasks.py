"""Row 37: a worker that does not know a task gives it to one that does; after a bound it is a dead letter,
never lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.until import until
from umbel.exceptions import NotRegistered


def test_during_a_rolling_deploy_new_tasks_run_on_the_new_worker(pains: Any, project: Any) -> None:
    project.write("later.py", "from pains import *\n\n@app.task\ndef fresh(n):\n    return n + 1\n")
    old = project.forked_worker("pains", "-l", "INFO", "-c", "1", "-n", "old@%h")
    new = project.forked_worker("later", "-l", "INFO", "-c", "1", "-n", "new@%h")
    for worker in (old, new):
        worker.until_output("ready.", timeout=20)
    results = [pains.app.send_task("later.fresh", (n,)) for n in range(40)]
    assert [result.get(timeout=40) for result in results] == [n + 1 for n in range(40)]
    assert not pains.shelf().items("dead")


def test_with_no_worker_that_knows_it_it_is_kept_as_a_dead_letter(pains: Any, project: Any) -> None:
    project.write("short.py", "from pains import *\napp.conf.task_unknown_hold = 0.5\n")
    project.forked_worker("short", "-l", "INFO", "-c", "1").until_output("ready.", timeout=20)
    result = pains.app.send_task("nobody.knows", ("argument",), headers={"tenant": "acme"})
    with pytest.raises(NotRegistered, match="nobody"):
        result.get(timeout=20)
    (item,) = until(lambda: pains.shelf().items("dead"))
    assert item.reason == "unknown task"
    assert b"acme" in item.parcel.head
    assert b"argument" in item.parcel.body
