"""What umbel sends is what Celery 5.7 sent for the same call, field for field and in the same order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.calling.support import only
from umbel import Umbel
from umbel.testing.clock import moved_clock

SAMPLES = Path(__file__).parent.parent / "wire" / "data" / "celery-5.7" / "redis-v2"
WHEN = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)

CASES = {
    "01-simple-delay": lambda tasks: tasks.add.delay(2, 3),
    "02-kwargs": lambda tasks: tasks.add.apply_async((2,), {"y": 3, "z": 4}),
    "03-countdown": lambda tasks: tasks.add.apply_async((2, 3), countdown=10),
    "04-eta-aware": lambda tasks: tasks.add.apply_async((2, 3), eta=WHEN),
    "05-expires-seconds": lambda tasks: tasks.add.apply_async((2, 3), expires=60),
    "06-expires-datetime": lambda tasks: tasks.add.apply_async((2, 3), expires=WHEN),
    **{
        f"07-priority-{number}": lambda tasks, number=number: tasks.add.apply_async((2, 3), priority=number)
        for number in (0, 1, 3, 5, 6, 9)
    },
    "08-timelimits": lambda tasks: tasks.add.apply_async((2, 3), time_limit=20, soft_time_limit=10),
    "09-headers-shadow-taskid": lambda tasks: tasks.add.apply_async(
        (2, 3), task_id="my-own-id-1", shadow="pretty.name", headers={"x-tenant": "acme"}
    ),
    "10-link": lambda tasks: tasks.add.apply_async((2, 3), link=tasks.mul.s(10), link_error=tasks.on_err.s()),
    "22-ignore-result": lambda tasks: tasks.add.apply_async((2, 3), ignore_result=True),
    "23-other-queue": lambda tasks: tasks.add.apply_async((2, 3), queue="emails"),
    "25-send_task-unregistered": lambda tasks: tasks.app.send_task("other.module.task", [1], {"k": "v"}),
    "31-link-list": lambda tasks: tasks.add.apply_async(
        (2, 3), link=[tasks.mul.s(10), tasks.mul.si(1, 1)], link_error=[tasks.on_err.s(), tasks.on_err_old.s()]
    ),
    "33-retry-policy-unicode": lambda tasks: tasks.echo.apply_async(
        ("h\u00e5\u00e5\u00ae\u0192 \u2603",), retry=True, retry_policy={"max_retries": 1}
    ),
}
OF_THE_CALL = {"id", "root_id", "origin"}
OF_REDIS = {"body_encoding", "delivery_tag"}


class Tasks:
    """The tasks of the program that was captured."""

    def __init__(self, app: Umbel) -> None:
        self.app = app

        @app.task(name="capapp.add")
        def add(x, y, z=0):
            return x + y + z

        @app.task(name="capapp.mul")
        def mul(x, y):
            return x * y

        @app.task(name="capapp.echo")
        def echo(value):
            return value

        @app.task(name="capapp.on_err")
        def on_err(request, exc, traceback):
            pass

        @app.task(name="capapp.on_err_old")
        def on_err_old(task_id):
            pass

        self.add, self.mul, self.echo, self.on_err, self.on_err_old = add, mul, echo, on_err, on_err_old


def captured(case: str) -> tuple[dict[str, Any], Any]:
    message = json.loads((SAMPLES / f"{case}.json").read_text())["messages"][0]
    return message["raw"], message["body_decoded"]


def without(fields: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


@pytest.mark.parametrize("case", CASES)
def test_message_is_celerys(case: str, app: Umbel):
    raw, body = captured(case)
    CASES[case](Tasks(app))
    sent = only(app)

    moments = {name for name in ("eta", "expires") if "seconds" in case or "countdown" in case}
    assert list(sent.headers) == list(raw["headers"])
    assert without(sent.headers, OF_THE_CALL | moments) == without(raw["headers"], OF_THE_CALL | moments)
    assert sent.headers["root_id"] == sent.headers["id"]

    wanted = without(raw["properties"], OF_REDIS)
    assert list(sent.properties) == list(wanted)
    own = {"correlation_id", "reply_to", "expiration"}
    assert without(sent.properties, own) == without(wanted, own)
    assert sent.properties["correlation_id"] == sent.headers["id"]

    assert (sent.content_type, sent.body) == (raw["content-type"], body)
    assert list(sent.body[2]) == list(body[2])
    assert sent.parcel.queue == raw["properties"]["delivery_info"]["routing_key"]


def test_ids_that_the_caller_names_are_kept(app: Umbel):
    raw, _body = captured("09-headers-shadow-taskid")
    CASES["09-headers-shadow-taskid"](Tasks(app))
    assert {name: only(app).headers[name] for name in ("id", "root_id")} == {
        name: raw["headers"][name] for name in ("id", "root_id")
    }


def test_moments_are_written_as_celery_does(app: Umbel):
    with moved_clock(ticking=False) as hands:
        hands.set_wall(datetime(2026, 11, 20, 17, 20, 34, 167055, UTC).timestamp())
        Tasks(app).add.apply_async((2, 3), countdown=10, expires=60)
        sent = only(app)
    assert sent.headers["eta"] == "2026-11-20T17:20:44.167055+00:00"
    assert sent.headers["expires"] == "2026-11-20T17:21:34.167055+00:00"
    assert sent.properties["expiration"] == "60000"
    assert abs(sent.parcel.due - datetime.fromisoformat(sent.headers["eta"]).timestamp()) < 1e-5


def test_origin_and_reply_to_have_celerys_form(app: Umbel):
    Tasks(app).add.delay(2, 3)
    sent = only(app)
    pid, _, host = sent.headers["origin"].removeprefix("gen").partition("@")
    assert pid.isdigit()
    assert host
    assert sent.properties["reply_to"][14] == "3"  # a version 3 UUID
