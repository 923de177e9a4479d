"""Celery's fixtures for pytest, in a project that has them as Celery's documentation says."""

from __future__ import annotations

from tests.conftest import Project

CONFTEST = """
import umbel
umbel.install_as_celery()
pytest_plugins = ("celery.contrib.pytest",)

import pytest

@pytest.fixture(scope="session")
def celery_config():
    return {"broker_url": "memory://", "result_backend": "cache+memory://", "task_default_queue": "tests"}
"""

TESTS = """
import pytest
from celery import current_app, shared_task
from celery.contrib.testing.tasks import ping
from celery.contrib.testing.worker import start_worker


@shared_task
def double(x):
    return 2 * x


def test_worker_and_tasks_of_a_test(celery_app, celery_worker):
    @celery_app.task
    def add(x, y):
        return x + y

    celery_worker.reload()
    assert add.delay(4, 4).get(timeout=10) == 8
    assert double.delay(4).get(timeout=10) == 8
    assert celery_app.conf.task_default_queue == "tests"


@pytest.mark.celery(task_always_eager=True)
def test_settings_of_a_test(celery_app, depends_on_current_app):
    assert current_app.conf.task_always_eager
    assert double.delay(3).get() == 6


def test_worker_of_all_tests(celery_session_app, celery_session_worker):
    assert ping.delay().get(timeout=10) == "pong"
    assert celery_session_app.tasks["celery.ping"].apply_async().get(timeout=10) == "pong"


def test_a_worker_that_cannot_start(celery_app):
    celery_app.conf.broker_url = "nowhere://"
    with pytest.raises(Exception, match="nowhere"), start_worker(celery_app):
        pass
"""


def test_a_project_with_celery_s_fixtures(project: Project):
    project.write("conftest.py", CONFTEST)
    project.write("test_shop.py", TESTS)
    done = project.processes.run("-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", timeout=60)
    assert done.stdout.splitlines()[-1].startswith("4 passed in "), done.stdout + done.stderr
