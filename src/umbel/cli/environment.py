"""Environment variables of the command line: ``UMBEL_APP``, ``UMBEL_WORKER_CONCURRENCY``, and Celery's names for them.

The name is made of the long option, the verb before it. Celery's ``CELERY_...`` is read when ``UMBEL_...`` is not set.
``--version`` and ``--help`` have none: an image that sets ``UMBEL_VERSION`` means something else by it.
"""

from __future__ import annotations

import click

_PREFIXES = ("UMBEL", "CELERY")
_WITHOUT = ("version", "help")
_MORE = {"CELERY_CONFIG": ["CELERY_CONFIG_MODULE"]}


def name_variables(command: click.Command, verb: str = "") -> None:
    """Give every option of a command its environment variables; once.

    Args:
        command: the command, or the group itself.
        verb: the command's name; empty for options before the verb.
    """
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar is None and option.name not in _WITHOUT:
            option.envvar = variables(option, verb)


def variables(option: click.Option, verb: str) -> list[str]:
    """Names of an option's variables, the one that wins first.

    Example:
        >>> variables(click.Option(["-c", "--concurrency"]), "worker")
        ['UMBEL_WORKER_CONCURRENCY', 'CELERY_WORKER_CONCURRENCY']
    """
    words = [verb, max(option.opts, key=len).lstrip("-")]
    name = "_".join(filter(None, words)).replace("-", "_").upper()
    found = [f"{prefix}_{name}" for prefix in _PREFIXES]
    return found + [more for known in found for more in _MORE.get(known, [])]
