"""The pytest fixtures that Celery has, by its names: ``pytest_plugins = ("celery.contrib.pytest",)``.

    @pytest.fixture(scope="session")
    def celery_config():
        return {"broker_url": "redis://localhost/15", "result_backend": "redis://localhost/15"}

    def test_add(celery_app, celery_worker):
        @celery_app.task
        def add(x, y):
            return x + y

        celery_worker.reload()
        assert add.delay(4, 4).get(timeout=10) == 8

Without a broker of its own each app has an empty memory store. New tests are shorter with `umbel.testing.plugin`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from .. import ids
from ..app import Umbel
from ..current import get_app, set_app
from .background import start_worker
from .worker import InProcessWorker


@pytest.fixture(scope="session")
def celery_config() -> Mapping[str, Any]:
    """Settings of the apps; override it."""
    return {}


@pytest.fixture(scope="session")
def celery_parameters() -> Mapping[str, Any]:
    """Arguments of the apps; override it."""
    return {}


@pytest.fixture(scope="session")
def celery_includes() -> tuple[str, ...]:
    """Modules that a worker imports; override it."""
    return ()


@pytest.fixture(scope="session")
def celery_worker_pool() -> str:
    """The pool of the workers; override it."""
    return "solo"


@pytest.fixture(scope="session")
def celery_worker_parameters() -> Mapping[str, Any]:
    """Arguments of the workers; override it."""
    return {}


@pytest.fixture(scope="session")
def celery_session_app(celery_config: Mapping[str, Any], celery_parameters: Mapping[str, Any]) -> Iterator[Umbel]:
    """An app for all tests."""
    with _app(celery_config, celery_parameters) as app:
        yield app


@pytest.fixture(scope="session")
def celery_session_worker(
    celery_session_app: Umbel, celery_includes: tuple[str, ...], celery_worker_pool: str,
    celery_worker_parameters: Mapping[str, Any],
) -> Iterator[InProcessWorker]:  # fmt: skip
    """A worker for all tests."""
    yield from _worker(celery_session_app, celery_includes, celery_worker_pool, celery_worker_parameters)


@pytest.fixture
def celery_app(
    request: pytest.FixtureRequest, celery_config: Mapping[str, Any], celery_parameters: Mapping[str, Any]
) -> Iterator[Umbel]:
    """An app for one test; ``@pytest.mark.celery(task_always_eager=True)`` gives it settings."""
    mark = request.node.get_closest_marker("celery")
    with _app({**celery_config, **(mark.kwargs if mark else {})}, celery_parameters) as app:
        yield app


@pytest.fixture
def celery_worker(
    celery_app: Umbel, celery_includes: tuple[str, ...], celery_worker_pool: str,
    celery_worker_parameters: Mapping[str, Any],
) -> Iterator[InProcessWorker]:  # fmt: skip
    """A worker for one test."""
    yield from _worker(celery_app, celery_includes, celery_worker_pool, celery_worker_parameters)


@pytest.fixture
def depends_on_current_app(celery_app: Umbel) -> None:
    """For tests that ask for the current app."""
    celery_app.set_current()


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "celery(**settings): settings of the fixture celery_app")


def _worker(
    app: Umbel, includes: tuple[str, ...], pool: str, parameters: Mapping[str, Any]
) -> Iterator[InProcessWorker]:
    """A worker that knows the tasks of more modules."""
    app.conf.update(include=(*app.conf.include, *includes))
    app.import_modules()
    with start_worker(app, pool=pool, **parameters) as worker:
        yield worker


@contextmanager
def _app(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[Umbel]:
    """An app that is the current one meanwhile."""
    own = f"memory://{ids.new_id()}"
    settings = {"broker_url": own, "result_backend": own, **config}
    if settings["broker_url"] == "memory://":  # as Celery's examples have it: nothing outside of this process
        settings["broker_url"] = own
    if str(settings["result_backend"]).startswith(("cache", "memory:")):
        settings["result_backend"] = settings["broker_url"]
    before = get_app()
    app = Umbel("celery.tests", **parameters)
    app.conf.update(settings)
    try:
        yield app
    finally:
        app.close()
        set_app(before)
