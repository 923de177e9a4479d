"""Projects that were written for Celery, over a real Redis and over a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import UMBEL, Project
from tests.support import servers
from umbel.integrations.celery import PATH


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A server that all tests of this process share."""
    with servers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def store(request, project: Project) -> str:
    """URL of messages and results, which the environment names, so that a project's text stays as it is."""
    if request.param == "redis":
        url = request.getfixturevalue("redis_server").url
    else:
        url = f"sqlite:///{project.folder / 'store.db'}"
    project.env["CELERY_BROKER_URL"] = project.env["CELERY_RESULT_BACKEND"] = url
    project.processes.env.update(project.env)
    return url


@pytest.fixture
def program(project: Project) -> Callable[..., Any]:
    """Run a script of the project for which ``import celery`` is umbel, to its end; returns what it printed."""

    def run(*arguments: str) -> str:
        path = f"{PATH}:{project.folder}"
        done = project.processes.run(*arguments, env={"PYTHONPATH": path}, timeout=50)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def working(project: Project) -> Callable[..., Any]:
    """Start ``umbel --as-celery -A APP worker`` and wait until it is ready."""

    def start(app: str, *options: str) -> Any:
        command = (UMBEL, "--as-celery", "-A", app, "worker", "-l", "INFO", "-c", "1", *options)
        worker = project.processes.start(*command)
        worker.until_output("ready.", timeout=30)
        return worker

    return start
