"""Runs coroutines on one event loop in a thread of its own. Importing this package imports the standard `asyncio`."""

from .pool import AsyncioPool, open_pool

__all__ = ["AsyncioPool", "open_pool"]
