"""What tutorials for Celery tell people to type, as they tell it: the text runs as it stands.

The environment names the store, so that no text changes. Events, beat and Flower are not in here: what
umbel has none of is told in the documentation.
"""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.support.until import until
from umbel.integrations.celery import PATH

pytestmark = pytest.mark.timeout(240)  # each starts a dozen interpreters, one after the other

TASKS = """
from celery import Celery
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)

app = Celery('tasks')

app.conf.update(
    result_backend='redis://localhost:6379/0',
    task_serializer='json',
    result_serializer='json',
    accept_content=['json'],
    timezone='UTC',
    enable_utc=True,
)


@app.task
def add(x, y):
    return x + y


@app.task
def div(x, y):
    return x / y


@app.task
def on_success(result, *args, **kwargs):
    logger.info(f'Task succeeded with result: {result}')
    return result


@app.task
def on_failure(request, exc, traceback):
    logger.error(f'Task {request.id} failed: {exc!r}')


@app.task(bind=True, autoretry_for=(Exception,), retry_kwargs={'max_retries': 5, 'countdown': 5})
def fetch(self, url):
    try:
        raise ConnectionError(url)
    except ConnectionError as exc:
        raise self.retry(exc=exc)


@app.task(bind=True)
def process(self, number):
    try:
        return 10 / number
    except Exception as e:
        self.on_failure(exc=e)


@app.task
def hello(name):
    return f'Hello, {name}!'
"""

CALLING = """
from tasks import add

result = add.delay(4, 6)
print(result.get(timeout=30))
print(result.ready(), result.successful(), result.status)
"""

LINKING = """
from tasks import add, div, on_success, on_failure

add.apply_async((4, 6), link=on_success.s(), link_error=on_failure.s())
div.apply_async((4, 0), link=on_success.s(), link_error=on_failure.s())
"""

RETRYING = """
from tasks import fetch

print(fetch.delay('https://example.com').id)
"""

BY_HAND = """
from tasks import process

print(process.delay(5).get(timeout=30))
print(repr(process.delay(0).get(timeout=30, propagate=False)))
"""

SENDING = """
from celery import current_app as app

name = 'World'
task = app.send_task('tasks.hello', args=[name])
print(task.id)
"""

ASKING = """
import sys
from celery.result import AsyncResult

task_id = sys.argv[1]
print(AsyncResult(task_id).get(timeout=30))
"""

SCHEDULER = """
from celery import Celery

app = Celery('scheduler', broker='redis://localhost:6379/0')


@app.task(name='fetch_url')
def fetch_url(url):
    pass


def schedule(urls):
    for url in urls:
        fetch_url.delay(url)


if __name__ == '__main__':
    schedule(['https://example.com/1', 'https://example.com/2'])
"""

CRAWLER = """
from celery import Celery

app = Celery('crawler', broker='redis://localhost:6379/0')


@app.task(name='fetch_url')
def fetch_url(url):
    print(f'Fetching {url}')
    return url
"""

MAIN = """
from celery import Celery

app = Celery('tasks')


@app.task
def add(x, y):
    return x + y


if __name__ == '__main__':
    app.{start}()
"""

RABBITMQ = """
from celery import Celery

app = Celery('tasks', broker='pyamqp://guest@localhost//')


@app.task
def add(x, y):
    return x + y
"""


def test_tasks_callbacks_and_results(project: Project, store, working, program):
    project.write("tasks.py", TASKS)
    for name, text in (("calling", CALLING), ("linking", LINKING), ("retrying", RETRYING), ("by_hand", BY_HAND)):
        project.write(f"{name}.py", text)
    project.write("sending.py", SENDING)
    project.write("asking.py", ASKING)
    worker = working("tasks")
    assert program("calling.py") == "10\nTrue True SUCCESS\n"
    program("linking.py")
    worker.until_output("Task succeeded with result: 10")
    assert "failed: ZeroDivisionError('division by zero')" in worker.until_output("failed: ZeroDivisionError")
    number, error = program("by_hand.py").splitlines()
    assert number == "2.0"
    assert error.startswith("TypeError(")
    assert "'task_id', 'args', 'kwargs', and 'einfo'" in error
    assert program("asking.py", program("sending.py").strip()) == "Hello, World!\n"
    retried = program("retrying.py").strip()
    worker.until_output(f"Task tasks.fetch[{retried}] retry: Retry in 180s: ConnectionError('https://example.com')")
    state = f"from tasks import app; print(app.AsyncResult({retried!r}).state)"
    until(lambda: program("-c", state) == "RETRY\n", "the state RETRY of a task", timeout=60)


def test_a_scheduler_and_a_crawler_share_the_name_of_a_task(project: Project, store, working, program):
    project.write("scheduler.py", SCHEDULER)
    project.write("crawler.py", CRAWLER)
    worker = working("crawler")
    program("scheduler.py")
    worker.until_output("Fetching https://example.com/1")
    worker.until_output("Fetching https://example.com/2")


def test_a_script_whose_main_starts_the_worker(project: Project, store, program):
    for start in ("worker_main", "start_worker"):
        project.write("tasks.py", MAIN.format(start=start))
        worker = project.processes.python("tasks.py", env={"PYTHONPATH": PATH})
        worker.until_output("queues   celery", timeout=30)
        assert program("-c", "import tasks; print(tasks.add.delay(4, 4).get(timeout=30))") == "8\n"
        assert worker.stop() == 0


def test_an_app_on_rabbitmq_is_made_without_asking_anybody(project: Project, program):
    project.write("tasks.py", RABBITMQ)
    asked = "import tasks; print(tasks.app.shown_broker_url, tasks.add.name, tasks.add(4, 4))"
    assert program("-c", asked) == "pyamqp://guest@localhost// tasks.add 8\n"
