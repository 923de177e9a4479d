"""The seam around a child's working life that tracers replace (``billiard.pool.Worker.workloop``), to send what they
have before the process ends. A module of its own, so that a program which only sends does not load a worker for it.
"""

from __future__ import annotations

from abc import abstractmethod


class Worker:
    """A child, as far as tracers know it."""

    def workloop(self) -> None:
        """Work until the end of this life."""
        self.loop()

    @abstractmethod
    def loop(self) -> None:
        """Work."""
