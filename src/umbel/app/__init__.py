"""The application.

base.py        Umbel: settings, stores, sending
tasks.py       how functions become tasks of an app
decorating.py  the class made for a function
compose.py     options and settings -> the template of a message
publishing.py  handing messages to the broker
parts.py       its kinds of task and result, and who it is, by Celery's names
programs.py    a script that is the command line of its app
stores.py      what is open in this process and thread
sharing.py     shared_task, current_app, current_task
"""

from __future__ import annotations

from .base import Umbel
from .sharing import app_or_default, bugreport, current_app, current_task, get_current_app, shared_task
from .tasks import AsyncTask

__all__ = [
    "AsyncTask", "Umbel", "app_or_default", "bugreport", "current_app", "current_task", "get_current_app",
    "shared_task",
]  # fmt: skip
