"""OpenTelemetry's instrumentation of Celery, unmodified, in a program and in a worker."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Project
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
import json, os
from celery import Celery
from celery.signals import worker_process_init
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult


class Lines(SpanExporter):
    def export(self, spans):
        with open("spans.txt", "a") as out:
            for span in spans:
                parent = span.parent and span.parent.span_id
                known = {
                    "name": span.name, "id": span.context.span_id, "trace": span.context.trace_id, "parent": parent,
                    "kind": span.kind.name, "status": span.status.status_code.name, "said": span.status.description,
                    "attributes": dict(span.attributes), "events": [event.name for event in span.events],
                }
                out.write(json.dumps(known, default=str) + chr(10))
        return SpanExportResult.SUCCESS


@worker_process_init.connect(weak=False)
def trace_it(**kwargs):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Lines()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()


app = Celery("shop")


@app.task
def add(x, y):
    return x + y


@app.task
def boom():
    raise ValueError("bad")


@app.task(bind=True)
def again(self):
    if not self.request.retries:
        raise self.retry(countdown=0, max_retries=1)
    return "at last"
"""

SEND = """
import shop
shop.trace_it()
from opentelemetry import trace
with trace.get_tracer("test").start_as_current_span("request"):
    results = [(shop.add.s(1, 2) | shop.add.s(4)).delay(), shop.again.delay(), shop.boom.delay()]
print([result.get(timeout=30, propagate=False) for result in results])
with trace.get_tracer("test").start_as_current_span("later"):
    pass
shop.add.delay(8, 8).get(timeout=30)
"""


def test_spans_of_callers_and_runs_are_one_trace(project: Project, redis, worker, program):
    project.write("shop.py", SHOP)
    started = worker("shop")
    assert program(SEND) == "[7, 'at last', ValueError('bad')]\n"

    def written() -> list[dict]:
        found = [json.loads(line) for line in (project.folder / "spans.txt").read_text().splitlines()]
        return found if len(found) == 14 else []

    spans = until(written, (project.folder / "spans.txt").read_text, timeout=30)
    (request,) = [span for span in spans if span["name"] == "request"]
    (later,) = [span for span in spans if span["name"] == "later"]
    of_request = [span for span in spans if span["trace"] == request["trace"]]
    by_id = {span["id"]: span for span in spans}

    def ways(name: str, among: list[dict]) -> list[str]:
        """For each span of that name the names above it."""
        return sorted(way(span) for span in among if span["name"] == name)

    def way(span: dict) -> str:
        return span["name"] if span["parent"] is None else f"{way(by_id[span['parent']])} > {span['name']}"

    first = "request > apply_async/shop.add > run/shop.add"
    assert ways("run/shop.add", of_request) == [first, f"{first} > apply_async/shop.add > run/shop.add"]
    once = "request > apply_async/shop.again > run/shop.again"
    assert ways("run/shop.again", of_request) == [once, f"{once} > apply_async/shop.again > run/shop.again"]
    assert ways("run/shop.boom", of_request) == ["request > apply_async/shop.boom > run/shop.boom"]

    assert later["parent"] is None
    assert len(of_request) == 11
    rest = [span for span in spans if span not in of_request]
    assert ways("run/shop.add", rest) == ["apply_async/shop.add > run/shop.add"]

    (boom,) = [span for span in spans if span["name"] == "run/shop.boom"]
    assert (boom["status"], boom["said"], boom["events"]) == ("ERROR", "bad", ["exception"])
    assert boom["attributes"]["celery.action"] == "run"
    assert boom["attributes"]["messaging.destination"] == "celery"
    (retried,) = [span for span in spans if "celery.retry.reason" in span["attributes"]]
    assert retried["name"] == "run/shop.again"
    assert not [line for line in started.output().splitlines() if "Failed to detach context" in line]
