"""Tasks of a Django project are sent when the transaction is committed that they belong to, and never if it is not."""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.packages.test_django_celery_results import APP

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SETTINGS = """
SECRET_KEY = "of a test"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}}
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = "memory://"
"""

SEND = """
import proj.celery
import django
django.setup()
from celery import Task, shared_task
from celery.contrib.django.task import DjangoTask
from celery.signals import after_task_publish
from django.db import transaction

sent = []

@after_task_publish.connect
def told(sender, body, headers, **kwargs):
    sent.append((sender, headers["argsrepr"], headers["shadow"]))

@shared_task(name="mail")
def mail(to):
    return to

@proj.celery.app.task(name="own", base=Task)
def own():
    pass

assert isinstance(proj.celery.app.tasks["mail"], DjangoTask)
assert not isinstance(own, DjangoTask)
with transaction.atomic():
    assert mail.delay_on_commit("ann") is None
    mail.apply_async_on_commit(("ben",), shadow="to ben")
    print(sent)
print(sent)
try:
    with transaction.atomic():
        mail.delay_on_commit("never")
        raise RuntimeError
except RuntimeError:
    mail.delay_on_commit("at once")
print(sent[2:])
"""


def test_at_the_commit(project: Project, program):
    project.write("proj/__init__.py", "")
    project.write("proj/settings.py", SETTINGS)
    project.write("proj/celery.py", APP)
    project.write("shop/__init__.py", "")
    out = program(SEND).splitlines()
    assert out == [
        "[]",
        """[('mail', "('ann',)", None), ('mail', "('ben',)", 'to ben')]""",
        """[('mail', "('at once',)", None)]""",
    ]
