"""What the modules of this directory do: make way for umbel, or for whoever is there where umbel is not."""

from __future__ import annotations

import sys
from pathlib import Path


def make_way(name: str) -> None:
    """Called by a module while it is imported: another one takes its place in `sys.modules`.

    An interpreter of another environment that has inherited PYTHONPATH may have a Celery of its own, and no umbel.
    """
    try:
        from umbel.integrations.celery import take_over  # noqa: PLC0415 - whether that works is the question
    except ModuleNotFoundError as error:
        if error.name != "umbel":
            raise
        here = str(Path(__file__).parent)
        sys.path[:] = [entry for entry in sys.path if entry != here]
        del sys.modules[name]
        __import__(name)
    else:
        take_over(name)
