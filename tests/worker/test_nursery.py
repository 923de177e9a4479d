"""The nursery's two ends: each sees the other's death as an end, also with words unread."""

from __future__ import annotations

import socket
import subprocess
import sys

from umbel.worker.pipes import heard

SUPERVISOR = """
import os, select, signal
from umbel.worker.nursery import Nursery

def life(number, pipe):
    pipe.recv(1)
    os._exit(0)

nursery = Nursery(life)
{deed}
"""

LEAVES = """
nursery.fork(1)
select.select([nursery.socket], [], [])  # a word is there, and nobody reads it
nursery.socket.close()
print(os.waitstatus_to_exitcode(os.waitpid(nursery.pid, 0)[1]))
"""

LOSES = """
os.kill(nursery.pid, signal.SIGSTOP)
os.waitpid(nursery.pid, os.WUNTRACED)
nursery.fork(1)
os.kill(nursery.pid, signal.SIGKILL)
os.waitpid(nursery.pid, 0)
print(nursery.events())
"""


def supervised(deed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SUPERVISOR.format(deed=deed)], capture_output=True, text=True, timeout=30, check=False
    )


def test_a_nursery_whose_supervisor_left_words_unread_ends_without_an_error() -> None:
    done = supervised(LEAVES)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_supervisor_whose_nursery_died_before_it_read_an_order_is_told_that_it_is_gone() -> None:
    done = supervised(LOSES)
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_a_pipe_is_at_its_end_when_the_other_side_closed_or_reset_it() -> None:
    for unread in (b"", b"order\n"):
        ours, theirs = socket.socketpair()
        theirs.sendall(b"word\n")
        ours.sendall(unread)
        theirs.close()
        assert [heard(ours), heard(ours)] in ([b"word\n", b""], [b"", b"word\n"])
        ours.close()
