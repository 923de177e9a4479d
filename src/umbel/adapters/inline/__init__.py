"""Runs one attempt at a time on the calling thread: the pool of the presets `process` and `solo`."""

from .pool import InlinePool, open_pool

__all__ = ["InlinePool", "open_pool"]
