"""A small shop and the command line over it: in this process where no process is tested, else the real program."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Project
from umbel.cli import run

SHOP = """
import logging, os, time
from umbel import Umbel
from umbel.utils.log import get_task_logger

app = Umbel("shop", broker="sqlite:///shop.db")
logger = get_task_logger("shop.tasks")

@app.task
def add(x: int, y: int) -> int:
    return x + y

@app.task
def fail():
    raise ValueError("out of stock")

@app.task
def hold(path, seconds):
    with open(path, "a") as file:
        file.write("started\\n")
    time.sleep(seconds)
    return "held"

@app.task
def say(word):
    logger.info("the word is %s", word)
    logging.getLogger("elsewhere").warning("a line of the application's own")

@app.task
def die():
    os._exit(9)
"""


@dataclass
class Said:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


Line = Callable[..., Said]


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with the module `shop`."""
    project.write("shop.py", SHOP)
    return project


@pytest.fixture
def umbel(shop: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Line]:
    """Run a command line in this process, in the shop's folder."""
    monkeypatch.chdir(shop.folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND"):
        monkeypatch.setenv(f"CELERY_{name}", "")
        monkeypatch.setenv(f"UMBEL_{name}", "")
    before = set(sys.modules)

    def line(*arguments: str) -> Said:
        for name in set(sys.modules) - before:
            if not hasattr(sys.modules[name], "__file__") or str(shop.folder) in str(sys.modules[name].__file__):
                del sys.modules[name]
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return Said(code, out, err)

    yield line
    for name in set(sys.modules) - before:
        if str(shop.folder) in str(getattr(sys.modules[name], "__file__", "")):
            app = getattr(sys.modules.pop(name), "app", None)
            if hasattr(app, "close"):
                app.close()
    gc.collect()


@pytest.fixture
def working(shop: Project) -> Callable[..., Any]:
    """Start a worker of the shop and wait until it is ready."""

    def start(*options: str, app: str = "shop", env: dict[str, str] | None = None) -> Any:
        worker = shop.worker(app, "-l", "INFO", *options, env=env)
        worker.until_output("ready.", timeout=20)
        return worker

    return start
