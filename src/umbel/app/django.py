"""A project of Django's: it has to be set up before its modules are imported, and it knows the packages with tasks.

Django is never imported for those who have none of it: the environment variable DJANGO_SETTINGS_MODULE says who has.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, ParamSpec, TypeVar

from ..loading import exists, symbol
from ..task import Task

P = ParamSpec("P")
R = TypeVar("R")


class DjangoTask(Task[P, R]):
    """What the tasks of a Django project are, unless the app was given another class: they may be sent at a commit.

    Example:
        >>> with transaction.atomic():   # doctest: +SKIP
        ...     order.save()
        ...     send_receipt.delay_on_commit(order.pk)
    """

    abstract = True

    def delay_on_commit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Send it when the transaction of the default database is committed; now when there is none, and never when
        it is rolled back. What is returned later, an id say, is nobody's: there is no result here.

        Args:
            args, kwargs: of the task.
        """
        _on_commit(partial(self.delay, *args, **kwargs))

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """The same with options.

        Args:
            args, kwargs: as `Task.apply_async` takes them.

        Example:
            >>> send_receipt.apply_async_on_commit((order.pk,), countdown=60)   # doctest: +SKIP
        """
        _on_commit(partial(self.apply_async, *args, **kwargs))


def _on_commit(send: partial[Any]) -> None:
    symbol("django.db.transaction:on_commit")(send)


def task_class(own: type[Task[..., Any]]) -> type[Task[..., Any]]:
    """The class that tasks are of where the app names none: in a Django project one that knows its transactions.

    Args:
        own: the app's.
    """
    return DjangoTask if own is Task and _wanted() else own


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
