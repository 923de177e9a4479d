"""The drop-in for Celery: ``import celery`` and what belongs to it resolve to umbel.

    import umbel; umbel.install_as_celery()      in a program
    umbel --as-celery -A proj worker             on the command line
    PYTHONPATH=$(python -m umbel.integrations.celery) python -m celery -A proj worker

names.py     module -> name -> where umbel has it
finder.py    the finder in front of `sys.meta_path`, the modules that it makes, and what packages they claim to be
install.py   putting it there, here and in the interpreters that this one starts
release.py   which Celery it stands for
path/        a directory for PYTHONPATH, whose modules put the finder there as soon as one of them is imported

Nothing here does anything itself: every name is an alias of one that umbel has. What umbel does not have raises
ImportError or AttributeError with a sentence that names it.
"""

from __future__ import annotations

from .install import PATH, install_as_celery, installed, take_over

__all__ = ["PATH", "install_as_celery", "installed", "take_over"]
