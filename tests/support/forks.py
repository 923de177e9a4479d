"""Calls from a process and what it forks, at the same time."""

from __future__ import annotations

import asyncio
import os
from typing import Any


def send_beside_forks(task: Any, children: int, each: int) -> list[int]:
    """Call ``task(1, 2)`` here and in forked children, all at once; in the children once more from a coroutine.

    Args:
        task: has been called here before, also from a coroutine.
        children: how many are forked.
        each: calls of every process.

    Returns:
        exit codes of the children, 0 where nothing was raised.
    """
    pids = []
    for _ in range(children):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                for _ in range(each):
                    task.delay(1, 2)
                asyncio.run(task.adelay(1, 2))
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    for _ in range(each):
        task.delay(1, 2)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
