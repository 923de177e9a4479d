"""Process 1 of a container inherits every process whose parent has died, and has to collect it when it dies."""

from __future__ import annotations

import contextlib
import os


def reap(keep: int) -> int:
    """Collect the dead that were inherited; does nothing in a process that is not number 1.

    Args:
        keep: the own child whose end is waited for elsewhere.

    Returns:
        how many were collected.
    """
    return _reap(keep) if os.getpid() == 1 else 0


def _reap(keep: int) -> int:
    count = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None or dead.si_pid == keep:
                break
            os.waitpid(dead.si_pid, 0)
            count += 1
    return count
