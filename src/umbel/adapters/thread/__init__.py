"""Runs functions on threads: the pool of the preset `thread`."""

from .pool import ThreadPool, open_pool

__all__ = ["ThreadPool", "open_pool"]
