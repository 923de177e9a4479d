"""A project that was written for Celery, over a real Redis, in an environment with the packages and without Celery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.support import packages, servers


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter that has the packages."""
    return packages.python()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A server that all tests of this process share."""
    with servers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(project: Project, redis_server) -> str:
    """URL of messages and results, which the environment names."""
    url: str = redis_server.url
    project.processes.env.update(CELERY_BROKER_URL=url, CELERY_RESULT_BACKEND=url)
    return url


@pytest.fixture
def celery(project: Project, python: Path) -> Callable[..., Any]:
    """Start ``umbel --as-celery WORDS`` of that environment."""

    def start(*words: str, **env: str) -> Any:
        return project.processes.start(python, "-m", "umbel", "--as-celery", *words, env=env)

    return start


@pytest.fixture
def worker(celery) -> Callable[..., Any]:
    """Start a worker and wait until it is ready."""

    def start(app: str, *options: str) -> Any:
        started = celery("-A", app, "worker", "-l", "INFO", "-c", "1", *options)
        started.until_output("ready.", timeout=60)
        return started

    return start


@pytest.fixture
def program(project: Project, python: Path) -> Callable[..., str]:
    """Run a program of that environment for which ``import celery`` is umbel, to its end; returns what it printed."""

    def run(code: str) -> str:
        text = f"import umbel; umbel.install_as_celery()\n{code}"
        done = project.processes.run("-c", text, program=python, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
