"""Calls and answers over one real RabbitMQ: umbel's clients and workers, and a real Celery on either end."""

from __future__ import annotations

import pytest

from tests.support.apart import MANY

APP = """
    import pathlib, time
    from umbel import Umbel

    app = Umbel("shop", broker={url!r}, backend="rpc://")
    app.conf.update({settings!r})

    @app.task(name="shop.add")
    def add(a, b):
        return a + b

    @app.task(name="shop.boom")
    def boom():
        raise ValueError("bad", 42)

    @app.task(name="shop.half", bind=True)
    def half(self):
        self.update_state(state="PROGRESS", meta={{"done": 50}})
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
        return "whole"

    @app.task(name="shop.again", bind=True, max_retries=2)
    def again(self):
        if self.request.retries < 2:
            raise self.retry(countdown=0)
        return "at last"
"""

CELERY = """
    import pathlib, time
    from celery import Celery

    app = Celery("shop", broker={url!r}, backend="rpc://")
    app.conf.update({settings!r})
    app.conf.update(worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)

    @app.task(name="shop.add")
    def add(a, b):
        return a + b

    @app.task(name="shop.boom")
    def boom():
        raise ValueError("bad", 42)

    @app.task(name="shop.half", bind=True)
    def half(self):
        self.update_state(state="PROGRESS", meta={{"done": 50}})
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
        return "whole"
"""

WRITTEN = [
    {},
    {"result_serializer": "pickle", "accept_content": ["pickle", "json"]},
    {"result_extended": True, "result_persistent": True, "task_track_started": True},
]
"""Settings of both sides."""


@pytest.fixture
def shop(project, url):
    """The same program for umbel and for Celery: shop.py and cshop.py."""

    def write(**settings):
        project.write("shop.py", APP.format(url=url, settings=settings))
        project.write("cshop.py", CELERY.format(url=url, settings=settings))
        return project

    return write


def umbel_worker(project, *options):
    worker = project.forked_worker("shop", "-c", "2", "-l", "info", *options)
    worker.until_output("ready")
    return worker


def celery_worker(project):
    worker = project.celery_worker(
        *("cshop", "-P", "solo", "-l", "info", "--without-gossip", "--without-mingle"),
        env={"C_FORCE_ROOT": "1"},  # Celery asks for it where pickle is accepted
    )
    worker.until_output("ready", timeout=40)
    return worker


def said(project, code, program="shop", timeout=60):
    library = "celery" if program == "cshop" else "umbel"
    done = project.client(f"from {program} import *\n{code}", of=library, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


CALLS = """
import time, pathlib
pathlib.Path("go").unlink(missing_ok=True)
result = half.delay()
deadline = time.monotonic() + 30
while result.state != "PROGRESS" and time.monotonic() < deadline:  # before any get(), after which Celery sees none
    time.sleep(0.01)
print(result.state, result.info)
pathlib.Path("go").touch()
print(result.get(timeout=30))
print(add.delay(2, 3).get(timeout=30))
try:
    boom.delay().get(timeout=30)
except ValueError as error:
    print("raised", error.args)
print(sum(one.get(timeout=30) for one in [add.delay(n, 1) for n in range(100)]))
"""
ANSWERS = ["PROGRESS {'done': 50}", "whole", "5", "raised ('bad', 42)", "5050"]


@pytest.mark.parametrize("settings", WRITTEN)
def test_umbel_calls_umbel(shop, settings):
    project = shop(**settings)
    worker = umbel_worker(project)
    assert said(project, CALLS).splitlines() == ANSWERS
    assert worker.stop() == 0


@pytest.mark.parametrize("settings", WRITTEN)
def test_celery_calls_umbel(shop, settings):
    project = shop(**settings)
    worker = umbel_worker(project)
    assert said(project, CALLS, "cshop").splitlines() == ANSWERS
    assert worker.stop() == 0


@pytest.mark.parametrize("settings", WRITTEN)
def test_umbel_calls_celery(shop, settings):
    project = shop(**settings)
    worker = celery_worker(project)
    assert said(project, CALLS).splitlines() == ANSWERS
    worker.stop(timeout=30)


@pytest.mark.timeout(180)
def test_a_coroutine_waits_for_thousands(shop):
    project = shop()
    worker = umbel_worker(project)
    code = f"""
import asyncio
async def main():
    sent = [add.delay(n, 0) for n in range({MANY})]
    return sum(await asyncio.gather(*(r.aget(timeout=100) for r in sent)))
print(asyncio.run(main()))
    """
    assert said(project, code, timeout=120) == str(sum(range(MANY)))
    assert worker.stop() == 0


def test_any_thread_may_wait_for_what_another_one_sent(shop):
    project = shop()
    worker = umbel_worker(project)
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as senders, ThreadPoolExecutor(8) as readers:
    sent = list(senders.map(lambda n: add.delay(n, n), range(200)))
    print(sum(readers.map(lambda one: one.get(timeout=40), sent)))
    """
    assert said(project, code) == "39800"
    assert worker.stop() == 0


def test_a_retried_task_still_answers_its_caller(shop):
    project = shop()
    worker = umbel_worker(project)
    assert said(project, "print(again.delay().get(timeout=30))") == "at last"
    assert worker.stop() == 0


def test_a_callback_answers_the_caller_of_its_task(shop):
    """Its id follows from that of the task before it."""
    project = shop()
    worker = umbel_worker(project)
    code = """
from umbel.ids import derived_id
first = add.apply_async((2, 3), link=add.s(10))
print(first.get(timeout=30), app.AsyncResult(derived_id(first.id, 0)).get(timeout=30))
    """
    assert said(project, code) == "5 15"
    assert worker.stop() == 0


WORKFLOWS = """
result = chain(add.s(1, 2), add.s(10), add.s(100))()
print(result.get(timeout=30), result.parent.get(timeout=30), result.parent.parent.get(timeout=30))
print(group(add.s(n, n) for n in range(20))().get(timeout=30) == [2 * n for n in range(20)])
result = chain(add.s(1, 2), boom.si(), add.s(100))()
try:
    result.get(timeout=30)
except ValueError as error:
    print("raised", error.args)
"""


@pytest.mark.parametrize("pair", ["umbel umbel", "celery umbel", "umbel celery"])
def test_each_step_of_a_workflow_answers_whoever_began_it(shop, pair):
    project = shop()
    caller, runner = pair.split()
    worker = umbel_worker(project) if runner == "umbel" else celery_worker(project)
    imports = "from umbel.canvas import chain, group" if caller == "umbel" else "from celery import chain, group"
    answers = said(project, f"{imports}\n{WORKFLOWS}", "shop" if caller == "umbel" else "cshop").splitlines()
    assert answers == ["113 13 3", "True", "raised ('bad', 42)"]
    worker.stop(timeout=30)


def test_a_result_that_belongs_to_another_process_is_not_found(shop):
    """Row 20 of tests/pains."""
    project = shop()
    worker = umbel_worker(project)
    task_id = said(project, "one = add.delay(2, 3); one.get(timeout=30); print(one.id)")
    code = f"""
from umbel.exceptions import TimeoutError
try:
    app.AsyncResult({task_id!r}).get(timeout=0.5)
except TimeoutError:
    print("not here")
    """
    assert said(project, code) == "not here"
    assert worker.stop() == 0
