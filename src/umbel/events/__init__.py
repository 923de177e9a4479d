"""Events of workers and tasks: send them, receive them, and keep what they say. Celery's names."""

from __future__ import annotations

from ..event import group_from
from .dispatcher import Event, EventDispatcher
from .hub import Events
from .receiver import EventReceiver
from .state import State, Task, Worker

__all__ = ["Event", "EventDispatcher", "EventReceiver", "Events", "State", "Task", "Worker", "group_from"]
