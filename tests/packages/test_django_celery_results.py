"""django-celery-results, unmodified, in a Django project: results in its database and in its cache."""

from __future__ import annotations

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SETTINGS = """
SECRET_KEY = "of a test"
USE_TZ = True
INSTALLED_APPS = ["django_celery_results", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db", "OPTIONS": {"timeout": 20}}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "cache"}}
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_CACHE_BACKEND = "default"
"""

APP = """
import os
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")
app = Celery("proj")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""

TASKS = """
from celery import shared_task


@shared_task
def add(x, y=0):
    return x + y


@shared_task
def boom(reason):
    raise ValueError(reason)


@shared_task(bind=True)
def slow(self):
    self.update_state(state="PROGRESS", meta={"done": 50})
    add.delay(1, 1)
    return {"text": "grüße"}
"""

MIGRATE = """
import proj.celery
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""

SEND = """
import proj.celery
import django
django.setup()
from celery import group
from celery.result import AsyncResult, GroupResult
from shop.tasks import add, boom, slow

added, failed, steps = add.delay(2, y=3), boom.delay("bad"), slow.delay()
print(added.get(timeout=40), repr(failed.get(timeout=40, propagate=False)), steps.get(timeout=40))
print(failed.traceback.splitlines()[-1], added.name, added.worker == failed.worker)
print([child.get(timeout=40) for child in AsyncResult(steps.id).children])

saved = group(add.s(n, n) for n in range(3)).delay()
saved.save()
print(GroupResult.restore(saved.id).get(timeout=40), GroupResult.restore("nothing"))
added.forget()
print(AsyncResult(added.id).state, added.backend.get_state(failed.id))
"""

LOOK = """
import proj.celery
import django
django.setup()
import json
from django_celery_results.models import GroupResult, TaskResult

print(sorted(TaskResult.objects.values_list("task_name", "status")))
failed = TaskResult.objects.get(status="FAILURE")
print(json.loads(failed.result)["exc_type"], json.loads(failed.task_args), failed.worker.partition("@")[0])
print(failed.traceback.splitlines()[-1], failed.date_done is not None)
print(GroupResult.objects.count())
"""


def made(project: Project) -> None:
    """A project whose messages are in a file; its environment names no results."""
    for name, text in (
        ("proj/__init__.py", "from .celery import app as celery_app"),
        ("proj/settings.py", SETTINGS),
        ("proj/celery.py", APP),
        ("shop/__init__.py", ""),
        ("shop/tasks.py", TASKS),
    ):
        project.write(name, text)
    project.processes.env["CELERY_BROKER_URL"] = f"sqlite:///{project.folder / 'messages.db'}"


def test_results_are_rows_of_django_s_database(project: Project, worker, program):
    made(project)
    program(MIGRATE)
    started = worker("proj")
    assert program(SEND).splitlines() == [
        "5 ValueError('bad') {'text': 'grüße'}",
        "ValueError: bad shop.tasks.add True",
        "[2]",
        "[0, 2, 4] None",
        "PENDING FAILURE",
    ]
    rows, failure, end, groups = program(LOOK).splitlines()
    assert rows == str(
        [*[("shop.tasks.add", "SUCCESS")] * 4, ("shop.tasks.boom", "FAILURE"), ("shop.tasks.slow", "SUCCESS")]
    )
    assert failure == "ValueError ('bad',) celery"
    assert (end, groups) == ("ValueError: bad True", "1")
    assert started.stop() == 0


def test_results_are_entries_of_django_s_cache(project: Project, worker, program):
    made(project)
    settings = project.folder / "proj" / "settings.py"
    settings.write_text(settings.read_text().replace('"django-db"', '"django-cache"'))
    worker("proj")
    first, traceback, *_ = program(SEND).splitlines()
    assert first == "5 ValueError('bad') {'text': 'grüße'}"
    assert traceback.startswith("ValueError: bad shop.tasks.add")
