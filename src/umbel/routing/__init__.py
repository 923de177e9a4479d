"""Where a task goes: pure functions from `task_routes`, `task_queues`, the caller's options and the defaults to queues.

entities.py      Queue, Exchange, binding, Broadcast: values with kombu's names and signatures
topic.py         whether a key fits the pattern of a topic exchange
declared.py      `task_queues` and what Celery fills in: the queues that exist, and what is bound to what
routes.py        `task_routes`: maps, patterns, functions
destination.py   the caller's options over the route over the default queue, and which queues that reaches
"""

from __future__ import annotations

from .declared import Declared, declare, queues_of
from .destination import OWN_QUEUE, Destination, destination, routed
from .entities import Broadcast, Exchange, Queue, binding
from .routes import NO_ROUTES, Call, Routes, asks, compile_routes

__all__ = [
    "NO_ROUTES", "OWN_QUEUE", "Broadcast", "Call", "Declared", "Destination", "Exchange", "Queue", "Routes", "asks",
    "binding", "compile_routes", "declare", "destination", "queues_of", "routed",
]  # fmt: skip
