"""Spawned children (`worker_pool_start_method = "spawn"`): a fresh interpreter instead of a copy of the nursery.

For libraries that must not be forked (CUDA, some gRPC servers). The child imports the app again, so it starts in the
time that this takes; all else is as in a forked one. The nursery forks and then executes
``python -m umbel.worker.spawned``, with the shared page and the control pipe inherited by number.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn

import msgspec

from .. import loading
from ..exceptions import ImproperlyConfigured
from . import logs
from .child import run
from .options import WorkerOptions
from .page import Page


class Birth(msgspec.Struct):
    """What a spawned child is told, as one argument: MessagePack in hexadecimal digits, since JSON has no infinity."""

    options: WorkerOptions
    page: int
    pipe: int
    number: int
    path: list[str]
    log: logs.LogOptions


def execute(options: WorkerOptions, page: Page, number: int, pipe: socket.socket) -> NoReturn:
    """Become a fresh interpreter that is child `number`; called in a forked child."""
    if not options.app_path:
        raise ImproperlyConfigured("spawned children import the app again: start the worker with -A module")
    os.set_inheritable(page.fd, True)
    os.set_inheritable(pipe.fileno(), True)
    birth = Birth(options, page.fd, pipe.fileno(), number, sys.path, logs.chosen())
    argument = msgspec.msgpack.encode(birth).hex()
    os.execv(sys.executable, [sys.executable, "-m", "umbel.worker.spawned", argument])  # noqa: S606  no shell is wanted


def main(argument: str) -> NoReturn:
    """The first step of a spawned child."""
    birth = msgspec.msgpack.decode(bytes.fromhex(argument), type=Birth)
    sys.path[:] = birth.path
    app = loading.load_app(birth.options.app_path)
    app.config_from_cmdline(birth.options.overrides, "worker")
    app.conf.update(include=(*app.conf.include, *birth.options.include))
    app.import_modules()
    logs.setup(birth.log, app.conf)
    page = Page(birth.options.rows, birth.options.slots, birth.page)
    run(app, birth.options, page.row(birth.number), socket.socket(fileno=birth.pipe), birth.number + 1)


if __name__ == "__main__":
    main(sys.argv[1])
