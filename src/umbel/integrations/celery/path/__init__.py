"""For PYTHONPATH: an interpreter that has this directory there finds umbel in the place of Celery.

A spawned child, or ``python -m celery`` in a process that a worker starts, never runs what installed the drop-in in its
parent; it inherits the environment. Each directory here is no part of umbel's package, but a module of its own name.
"""
