"""django-celery-beat, unmodified, in a Django project: entries in its database, changed while the scheduler runs."""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SETTINGS = """
import os

SECRET_KEY = "of a test"
USE_TZ = True
TIME_ZONE = CELERY_TIMEZONE = "Europe/Berlin"
INSTALLED_APPS = ["django_celery_beat", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}}
CELERY_BEAT_SCHEDULER = "django"  # the name that the package has for it
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {"fixed": {"task": "shop.tasks.note", "schedule": 1.0, "args": ("fixed",)}}
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


@shared_task(bind=True)
def note(self, word):
    with open("runs.txt", "a") as runs:
        runs.write(f"{word} {self.request.periodic_task_name}\\n")
"""

HEAD = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "proj.settings"
import django
django.setup()
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
"""

CHANGES = """
import time

def until(line):
    end = time.monotonic() + 40
    while line not in open("runs.txt").read().splitlines():
        assert time.monotonic() < end, f"{line} did not run"
        time.sleep(0.05)

every, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
cron, _ = CrontabSchedule.objects.get_or_create(minute="*", hour="*", timezone="Asia/Shanghai")
PeriodicTask.objects.create(name="cron", task="shop.tasks.note", crontab=cron, args='["cron"]')
entry = PeriodicTask.objects.create(name="more", task="shop.tasks.note", interval=every, args='["added"]')
until("added more")
entry.args = '["changed"]'
entry.save()
until("changed more")
os.kill(int(open("beat.pid").read()), 15)
while os.path.exists("beat.pid"):  # then it has written how often everything ran
    time.sleep(0.05)
entry.refresh_from_db()
print(entry.total_run_count > 0, entry.last_run_at is not None)
print(*sorted(PeriodicTask.objects.values_list("name", flat=True)))
"""


def test_entries_in_the_database(project: Project, redis, celery, worker, program):
    project.write("proj/__init__.py", "from .celery import app as celery_app\n")
    project.write("proj/settings.py", SETTINGS)
    project.write("proj/celery.py", APP)
    project.write("shop/__init__.py", "")
    project.write("shop/tasks.py", TASKS)
    program(f"{HEAD}\nfrom django.core.management import call_command\ncall_command('migrate', verbosity=0)")
    beat = celery("-A", "proj", "beat", "-l", "INFO", "--pidfile", "beat.pid")
    worker("proj")
    until((project.folder / "runs.txt").exists, beat.output, timeout=60)
    assert "  scheduler django_celery_beat.schedulers.DatabaseScheduler\n" in beat.output()
    assert "fixed fixed" in (project.folder / "runs.txt").read_text().splitlines()
    shown = program(HEAD + CHANGES)
    assert beat.wait() == 0
    assert shown.splitlines() == ["True True", "celery.backend_cleanup cron fixed more"]
