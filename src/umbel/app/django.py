"""A project of Django's: it has to be set up before its modules are imported, and it knows the packages with tasks.

Django is never imported for those who have none of it: the environment variable DJANGO_SETTINGS_MODULE says who has.
"""

from __future__ import annotations

import os

from ..loading import exists, symbol


def set_up() -> None:
    """Set Django up, when this is a project of its; again it does nothing.

    Raises:
        ImproperlyConfigured: the module of its settings cannot be imported.
    """
    if _wanted() and not symbol("django.apps:apps").ready:
        symbol("django:setup")()


def renew() -> None:
    """Close what Django knows to be broken of this thread's connections to databases: its next use opens them anew."""
    if _wanted():
        symbol("django.db:close_old_connections")()


def packages() -> list[str]:
    """The applications that the project has installed, where tasks may be; none before it is set up."""
    if not _wanted():
        return []
    apps = symbol("django.apps:apps")
    return [one.name for one in apps.get_app_configs()] if apps.ready else []


def _wanted() -> bool:
    return bool(os.environ.get("DJANGO_SETTINGS_MODULE")) and exists("django")
