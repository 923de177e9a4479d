"""Sentry's integration for Celery, unmodified, in a program and in a worker."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
import json
import sentry_sdk
from celery import Celery
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.transport import Transport


class Lines(Transport):
    def _write(self, one):
        with open("sent.txt", "a") as out:
            out.write(json.dumps(one, default=str) + chr(10))

    def capture_envelope(self, envelope):
        for item in envelope.items:
            self._write({"type": item.type, **(item.payload.json or {})})

    def flush(self, timeout, callback=None):
        self._write({"type": "flushed"})


sentry_sdk.init(
    dsn="http://key@127.0.0.1:1/1", transport=Lines, traces_sample_rate=1.0, send_default_pii=True,
    integrations=[CeleryIntegration()],
)
app = Celery("shop")


@app.task
def add(x, y):
    return x + y


@app.task
def boom(reason):
    raise ValueError(reason)


@app.task(throws=KeyError)
def expected():
    raise KeyError("expected")


class Counting(app.Task):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)


@app.task(bind=True, base=Counting)
def again(self):
    if not self.request.retries:
        raise self.retry(countdown=0, max_retries=1)
    return "at last"
"""

SEND = """
import sentry_sdk
from shop import add, again, app, boom, expected

with sentry_sdk.start_transaction(name="request", op="test"):
    sent = [add.delay(1, 2), again.delay(), boom.delay("bad"), expected.delay(), app.send_task("shop.add", (3, 4))]
print([one.get(timeout=30, propagate=False) for one in sent])
print(sent[2].id, sent[4].id)
"""


def test_errors_and_spans_of_tasks_are_reported(project: Project, redis, worker, program):
    project.write("shop.py", SHOP)
    started = worker("shop")
    values, ids = program(SEND).splitlines()
    assert values == "[3, 'at last', ValueError('bad'), KeyError('expected'), 7]"
    failed, by_name = ids.split()
    assert started.stop() == 0
    sent = [json.loads(line) for line in (project.folder / "sent.txt").read_text().splitlines()]

    transactions = [one for one in sent if one["type"] == "transaction"]
    (request,) = [one for one in transactions if one["transaction"] == "request"]
    runs = [one for one in transactions if one is not request]
    has_the_error(sent, failed, trace_of(request))
    has_the_sending(request)
    has_the_runs(runs, by_name, trace_of(request))
    assert "The tracer of task" not in started.output()
    assert sent[-1]["type"] == "flushed"  # the child has sent what it had before it ended


def trace_of(event: dict[str, Any]) -> str:
    return event["contexts"]["trace"]["trace_id"]


def has_the_error(sent: list[dict[str, Any]], failed: str, trace: str) -> None:
    """Of all failures only the one that nobody expects; once."""
    (error,) = [one for one in sent if one["type"] == "event"]
    (value,) = error["exception"]["values"]
    assert (value["type"], value["value"], value["mechanism"]["type"]) == ("ValueError", "bad", "celery")
    assert value["stacktrace"]["frames"][-1]["function"] == "boom"
    assert error["tags"]["celery_task_id"] == failed
    assert error["extra"]["celery-job"] == {"task_name": "shop.boom", "args": ["bad"], "kwargs": {}}
    assert (error["transaction"], trace_of(error)) == ("shop.boom", trace)


def has_the_sending(request: dict[str, Any]) -> None:
    spans = Counter((span["op"], span["description"]) for span in request["spans"])
    names = {"shop.add": 2, "shop.again": 1, "shop.boom": 1, "shop.expected": 1}
    for op in ("queue.submit.celery", "queue.publish"):
        assert {name: count for (one, name), count in spans.items() if one == op} == names
    data = [span["data"] for span in request["spans"] if span["op"] == "queue.publish"]
    assert {(one["messaging.system"], one["messaging.destination.name"]) for one in data} == {("redis", "celery")}


def has_the_runs(runs: list[dict[str, Any]], by_name: str, trace: str) -> None:
    assert {trace_of(run) for run in runs} == {trace}
    ends = Counter((run["transaction"], run["contexts"]["trace"]["status"]) for run in runs)
    assert ends == {
        ("shop.add", "ok"): 2, ("shop.again", "aborted"): 1, ("shop.again", "ok"): 1,
        ("shop.boom", "internal_error"): 1, ("shop.expected", "internal_error"): 1,
    }  # fmt: skip
    processed = [span["data"] for run in runs for span in run["spans"] if span["op"] == "queue.process"]
    assert len(processed) == len(runs)
    (one,) = [data for data in processed if data["messaging.message.id"] == by_name]
    assert (one["messaging.system"], one["messaging.destination.name"]) == ("redis", "celery")
    assert one["messaging.message.retry.count"] == 0
    assert one["messaging.message.receive.latency"] >= 0
