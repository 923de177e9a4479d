"""celery-types under mypy: what a typed project says of Celery is checked by its stubs, and runs on umbel."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
from __future__ import annotations

from typing import Any

import celery
from celery import Celery, chain, chord, group, shared_task
from celery.app.task import Task
from celery.canvas import Signature
from celery.exceptions import Reject
from celery.result import AsyncResult
from celery.schedules import crontab
from celery.signals import task_prerun
from celery.utils.log import get_task_logger
from kombu import Exchange, Queue

# as the project celery-types says it: its generics are for the checker only
for cls in (Task,):
    cls.__class_getitem__ = classmethod(lambda cls, *args, **kwargs: cls)  # type: ignore[attr-defined]

logger = get_task_logger(__name__)
app = Celery("shop", broker="memory://typed")
app.conf.update(task_always_eager=True, task_queues=[Queue("mail", Exchange("mail"), routing_key="mail")])
app.conf.beat_schedule = {"nightly": {"task": "shop.add", "schedule": crontab(hour="3", minute="0"), "args": (1, 2)}}


class Base(Task[Any, Any]):
    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        logger.warning("%s failed", task_id)


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task(bind=True, base=Base, max_retries=3)
def fetch(self: Task[Any, Any], url: str) -> str:
    if not url:
        raise Reject("no url", requeue=False)
    return f"{self.name} {url} {self.request.retries}"


@shared_task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task_prerun.connect
def begun(task_id: str, **kwargs: Any) -> None:
    logger.info(task_id)


def main() -> None:
    one: AsyncResult[int] = add.delay(1, 2)
    print(one.get(), one.successful())
    print(fetch.apply_async(("https://example.com",), countdown=0).get())
    step: Signature[int] = add.s(3)
    print(chain(add.s(1, 1), step).apply().get())
    parts = group(add.s(n, n) for n in range(3)).apply_async()
    print(parts.get(), celery.__version__)
    print(chord([add.s(1, 1), add.s(2, 2)], total.s()).apply().get())


if __name__ == "__main__":
    main()
"""


def check(project: Project, python) -> subprocess.CompletedProcess[str]:
    words = ("--strict", "--python-executable", python, "--cache-dir", project.folder / "cache", "shop.py")
    return project.processes.run("-m", "mypy", *words, program=sys.executable, timeout=120)


def test_a_typed_project_is_checked_and_runs(project: Project, python, program):
    shop = project.write("shop.py", SHOP)
    done = check(project, python)
    assert done.stdout == "Success: no issues found in 1 source file\n", done.stdout + done.stderr
    ran = program("import shop; shop.main()").splitlines()
    assert ran == ["3 True", "shop.fetch https://example.com 0", "5", "[0, 2, 4] 5.7.0", "6"]

    shop.write_text(SHOP.replace("countdown=0", "countdown='soon'"), encoding="utf-8")
    assert 'Argument "countdown" to "apply_async"' in check(project, python).stdout
