"""Putting the finder in its place: here, and in every interpreter that this one starts.

this process    the finder in front of `sys.meta_path`
forked          inherits it
a fresh one     inherits PYTHONPATH and, from multiprocessing, `sys.path`: both name the directory ``path``, whose
                modules celery, kombu and billiard call `take_over` as soon as one of them is imported
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...conf.settings import CELERY_DEFAULTS
from ...current import set_stand_in
from ...exceptions import ImproperlyConfigured
from ...proxy import Proxy
from .finder import ROOTS, Absent, Finder, Stand, found_by

if TYPE_CHECKING:
    from ...app import Umbel

PATH: Final = str(Path(__file__).parent / "path")
"""The directory that makes umbel stand for Celery in every interpreter that has it in PYTHONPATH."""


def install_as_celery(*, celery_defaults: bool = False) -> None:
    """Make ``import celery`` and what belongs to it mean umbel: here, and in processes that are started from here.

    Call it before the first import of Celery; it may be called again. An installed Celery stays as it is, and has its
    names again in the next process.

    Args:
        celery_defaults: apps that are made from now on have Celery's defaults where umbel's differ.

    Raises:
        ImproperlyConfigured: Celery itself, or kombu or billiard, is imported already.

    Example:
        >>> install_as_celery()   # doctest: +SKIP
        >>> from celery import Celery   # doctest: +SKIP
    """
    if celery_defaults:
        os.environ[CELERY_DEFAULTS] = "1"
    if not installed():
        _refuse_imported()
        sys.meta_path.insert(0, Finder())
        sys.meta_path.append(Absent())
        set_stand_in(Proxy(_default_app, "default"))
    if PATH not in sys.path:
        sys.path.insert(1, PATH)
    inherited = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    if PATH not in inherited:
        os.environ["PYTHONPATH"] = os.pathsep.join([PATH, *inherited])


def installed() -> bool:
    """Whether umbel stands for Celery in this process."""
    return _finder() is not None


def take_over(name: str) -> None:
    """Called by a module of the directory `PATH`, while it is imported: umbel's takes its place.

    Args:
        name: of that module.

    Raises:
        ImproperlyConfigured: see `install_as_celery`.
    """
    del sys.modules[name]
    install_as_celery()
    finder = _finder()
    assert finder is not None
    found_by(finder, name)


@functools.cache
def _default_app() -> Umbel:
    """The app of a program that makes none, made when it is asked for: a handle on a result needs one, as in Celery."""
    from ...app.sharing import make_default  # noqa: PLC0415 - a program that makes its own does not wait for this one

    return make_default()


def _finder() -> Finder | None:
    return next((one for one in sys.meta_path if isinstance(one, Finder)), None)


def _refuse_imported() -> None:
    for name in sorted(ROOTS):
        module = sys.modules.get(name)
        if module is not None and not isinstance(module, Stand):
            where = getattr(module, "__file__", None) or "an unknown place"
            raise ImproperlyConfigured(
                f"{name} is imported already (from {where}), and part of the program has its names; call"
                " umbel.install_as_celery() before the first import of celery, or start with umbel --as-celery"
            )
