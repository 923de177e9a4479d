"""The command line: ``umbel [-A app] COMMAND``.

A plain probe, as in ``umbel health --live``, is answered here and at once (`probe`). Everything else goes through
`group`, which imports a command when it is asked for. A user's mistake is one sentence on standard error and an exit
code, never a traceback:

    0   done                     64  wrong input (a bad argument, URL or setting)
    1   no, failed, declined     66  the app, task, message or result was not found
    2   wrong usage (click)      69  nobody answered, or the store is not available
    70  an error of umbel's own  73  another worker holds the --pidfile
    130 interrupted
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import probe

if TYPE_CHECKING:
    from ..app import Umbel


def main(argv: list[str] | None = None) -> None:
    """The entry point of ``umbel``."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str], app: Umbel | None = None) -> int:
    """Run one command line; returns its exit code.

    Args:
        argv: the words after the program's name.
        app: the application, unless ``-A`` names one.
    """
    question = probe.understood(argv)
    if question is not None:
        return probe.answer(question)
    from . import group  # noqa: PLC0415  click and what it loads cost 50 ms, which a probe every few seconds spares

    return group.run(argv, app)
