"""`task.request`: every attribute that Celery 5.7 showed for the same message (data: its own `vars(request)`)."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import msgspec
import pytest

from umbel.context import Context
from umbel.current import pop_request, push_request, request_of, running_task
from umbel.message import Delivery, Envelope, Headers

SHOWN = json.loads((Path(__file__).parent / "data" / "request-context.json").read_text())
CELERYS_OWN = {"_children", "_protected"}


def shown(name: str):
    return ast.literal_eval(SHOWN[name])


def request_of_the_capture() -> Context:
    properties = shown("properties")
    names = Headers.__struct_fields__
    headers = {name: shown(name) for name in names if name in SHOWN}
    head = json.dumps({"headers": {**headers, **shown("headers")}, "properties": properties}).encode()
    envelope = msgspec.json.decode(head, type=Envelope)
    embed = {name: shown(name) for name in ("callbacks", "errbacks", "chain", "chord")}
    delivery = Delivery(1, 1, "celery", head, b"", 3)
    return Context(envelope.headers, envelope, shown("args"), shown("kwargs"), embed, delivery, shown("hostname"))


@pytest.mark.parametrize("name", sorted(set(SHOWN) - CELERYS_OWN))
def test_attribute_is_celerys(name: str):
    assert getattr(request_of_the_capture(), name) == shown(name)


def test_attributes_that_celery_always_has():
    request = request_of_the_capture()
    assert [getattr(request, name) for name in ("utc", "logfile", "loglevel", "taskset")] == [None] * 4
    assert request.children == []
    assert request.get("nothing", 5) == 5
    with pytest.raises(AttributeError, match="nothing"):
        _ = request.nothing


def test_a_minimal_foreign_message():
    head = b'{"headers": {"task": "t", "id": "i"}}'
    envelope = msgspec.json.decode(head, type=Envelope)
    request = Context(envelope.headers, envelope, [], {}, {}, Delivery(1, 1, "q", head, b"", 2), "w@h")
    assert (request.retries, request.root_id, request.headers, request.callbacks) == (0, None, None, None)
    assert request.delivery_info == {"exchange": "", "routing_key": "q", "priority": 2, "redelivered": False}
    assert request.timelimit is None


def test_embed_keys_of_others_are_attributes():
    request = Context(Headers("t", "i"), None, [], {}, {"note": 1}, None)
    assert request.note == 1


def test_update_and_own_attributes():
    request = request_of_the_capture()
    request.update({"retries": 3}, callbacks=[{"task": "x"}], mine=5)
    request.other = 6
    assert (request.retries, request.callbacks, request.mine, request.other) == (3, [{"task": "x"}], 5, 6)
    assert request_of_the_capture().callbacks is None


def test_options_to_send_it_again():
    options = request_of_the_capture().as_execution_options()
    assert options["task_id"] == shown("id")
    assert options["headers"] == {"x-a": "b"}
    assert (options["time_limit"], options["soft_time_limit"]) == (None, None)


def test_requests_nest():
    outer, inner = Context(Headers("a", "1")), Context(Headers("b", "2"))
    first = push_request("task a", outer)
    second = push_request("task b", inner)
    assert (running_task(), request_of("task a"), request_of("task b")) == ("task b", outer, inner)
    pop_request(second)
    assert (running_task(), request_of("task b")) == ("task a", None)
    pop_request(first)
    assert running_task() is None
