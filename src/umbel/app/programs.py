"""An app whose script is its command line: ``app.worker_main()`` at the end of a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..loading import symbol


class Program:
    """A worker that `start` runs in this process, by Celery's ``app.Worker(...)``.

    Args:
        app: the app.
        options: those of ``umbel worker``, by name: ``concurrency=4``, ``queues=["mail"]``, ``task_events=True``.

    Attributes:
        exitcode: None until it has ended.
    """

    def __init__(self, app: Programs, options: Mapping[str, Any]) -> None:
        self.app = app
        self.options = dict(options)
        self.exitcode: int | None = None

    def start(self) -> int:
        """Run it until it is stopped; returns the exit code."""
        words = [word for name, value in self.options.items() for word in _option(name, value)]
        self.exitcode = self.app.start(["worker", *words])
        return self.exitcode


def _option(name: str, value: Any) -> list[str]:
    """An option as a word of the command line; none for one that is not wanted."""
    if value is None or value is False:
        return []
    word = f"--{name.replace('_', '-')}"
    if value is True:
        return [word]
    return [f"{word}={','.join(map(str, value)) if isinstance(value, list | tuple | set) else value}"]


class Programs:
    """The part of `Umbel` that runs commands."""

    def start(self, argv: Sequence[str] | None = None) -> int:
        """Run a command as ``umbel`` does, over this app.

        Args:
            argv: the words after ``umbel -A app``; None: those that the script was started with.

        Returns:
            the exit code.

        Example:
            >>> app.start(["call", "proj.add", "-a", "[2, 3]"])   # doctest: +SKIP
        """
        # By name, because the command line stands above the app; a script that asks for it is its user.
        code: int = symbol("umbel.cli:run")(list(sys.argv[1:] if argv is None else argv), self)
        return code

    def worker_main(self, argv: Sequence[str] | None = None) -> int:
        """Run a worker in this process, until it is stopped.

        Args:
            argv: the words after ``umbel -A app``, "worker" among them; None: those that the script was started with,
                or, when there are none, just "worker".

        Returns:
            the exit code.

        Raises:
            ValueError: "worker" is not among the words.

        Example:
            >>> app.worker_main(["worker", "--concurrency=4"])   # doctest: +SKIP
        """
        words = list((sys.argv[1:] or ["worker"]) if argv is None else argv)
        if "worker" not in words:
            raise ValueError("worker_main needs the word worker among its arguments; start() runs other commands")
        return self.start(words)

    def start_worker(self, argv: Sequence[str] | None = None) -> int:
        """The same as `worker_main`, by the name that many a script has for it."""
        return self.worker_main(argv)

    def Worker(self, **kwargs: Any) -> Program:  # noqa: N802 - Celery's name
        """A worker that runs in this process.

        Args:
            kwargs: options of ``umbel worker`` by name.

        Example:
            >>> app.Worker(concurrency=2, loglevel="INFO").start()   # doctest: +SKIP
        """
        return Program(self, kwargs)

    WorkController = Worker


def maybe_patch_concurrency(
    argv: Sequence[str] | None = None, short_opts: Sequence[str] | None = None, long_opts: Sequence[str] | None = None,
    patches: Mapping[str, Callable[[], Any]] | None = None,
) -> None:  # fmt: skip
    """Call what a pool needs before anything else is imported, if a command line chooses that pool.

    umbel's own pools need nothing: ``gevent`` and ``eventlet`` are names of its threads, under which no library has to
    be replaced.

    Args:
        argv: the words; those that this program was started with unless given.
        short_opts, long_opts: the options that choose the pool, ``-P`` and ``--pool`` unless given.
        patches: name of a pool -> what to call.
    """
    words = iter(sys.argv if argv is None else argv)
    short, long = tuple(short_opts or ("-P",)), tuple(long_opts or ("--pool",))
    for word in words:
        name, equals, value = word.partition("=")
        chosen = value if equals and name in long else next(words, "") if word in (*short, *long) else None
        if chosen is not None:
            patch = (patches or {}).get(chosen)
            if patch is not None:
                patch()
            return
