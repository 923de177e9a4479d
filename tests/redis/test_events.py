"""Events over Redis: as Celery's, field for field, and each side reads the other's."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from pathlib import Path

import pytest

from tests.support.shop import Shop
from tests.support.until import until
from tests.support.watching import check_that_celery_reads_umbel, check_that_umbel_reads_celery
from umbel import Umbel
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.ear import Ear
from umbel.adapters.redis.link import Link
from umbel.control import Control
from umbel.testing.conformance.monitor import MonitorSuite

CELERYS = json.loads((Path(__file__).parent / "data" / "celery-events.json").read_text())
RUN = """
from datetime import timedelta
from with_umbel import add, again, app, fail
app.conf.task_send_sent_event = True
print(add.delay(2, 3).get(timeout=30), again.delay().get(timeout=30))
fail.delay("out of stock").get(timeout=30, propagate=False)
add.apply_async((1, 1), expires=-1).get(timeout=30, propagate=False)
"""


@pytest.fixture
def shop(project, url):
    return Shop(project, url, url)


@pytest.fixture
def app(url):
    with Umbel("watcher", broker=url, backend=url) as app:
        yield app
        app.events.close()


class Wiretap:
    """Everything that is published under the exchange of events, as bytes, by a connection of its own."""

    def __init__(self, url: str) -> None:
        self.ear = Ear(Link(Address.parse(url, {})))
        self.ear.listen((), ("/0.celeryev/*",))
        self.ear.read(("PING",))
        self.told: list[tuple[str, dict, list[dict]]] = []

    def events(self) -> dict[str, dict]:
        """Type -> the first event of it, with its channel and envelope, as in the captures."""
        self.ear.sleep(0.1)
        for channel, data in self.ear.told():
            envelope = json.loads(data)
            body = json.loads(b64decode(envelope.pop("body")))
            self.told.append((channel, envelope, body))
        found = {}
        for channel, envelope, body in self.told:
            for event in body if isinstance(body, list) else [body]:
                kind = event["type"]
                if kind == "worker-heartbeat" and "active" not in event:
                    kind = "worker-heartbeat asked for"
                one = {"channel": channel, "list": isinstance(body, list), "envelope": envelope, "event": event}
                found.setdefault(kind, one)
        return found

    def close(self) -> None:
        self.ear.close()


@pytest.fixture
def wiretap(url):
    tap = Wiretap(url)
    yield tap
    tap.close()


def shape(value):
    """The form of a value: names in their order and types, without what is different each time."""
    if isinstance(value, dict):
        return [(name, shape(one)) for name, one in value.items()]
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def unlike(mine: dict, theirs: dict) -> list[str]:
    """Where two captures differ that should not."""
    same = ("channel", "list")
    found = [f"{name}: {mine[name]} is not {theirs[name]}" for name in same if mine[name] != theirs[name]]
    if shape(mine["event"]) != shape(theirs["event"]):
        found.append(f"event: {shape(mine['event'])} is not {shape(theirs['event'])}")
    ours, other = mine["envelope"], theirs["envelope"]
    if sorted(ours) != sorted(other) or shape(ours["headers"]) != shape(other["headers"]):
        found.append(f"envelope: {ours} is not {other}")
    tag = {"delivery_tag": 36 * "x"}
    if {**ours["properties"], **tag} != {**other["properties"], **tag} or len(ours["properties"]["delivery_tag"]) != 36:
        found.append(f"properties: {ours['properties']} is not {other['properties']}")
    return found


def test_what_a_worker_says_is_what_celerys_says(shop, wiretap, app):
    """Channel, envelope, and every field of every type, in its order."""
    worker = shop.umbel_worker("-E", "-n", "w1@%h")
    said = shop.project.client(RUN)
    assert said.returncode == 0, said
    wanted = set(CELERYS) - {"task-failed unregistered", "worker-offline", "worker-heartbeat asked for"}
    until(lambda: wanted <= set(wiretap.events()), lambda: str(wiretap.events().keys()), timeout=30)
    with Control(app) as control:
        control.broadcast("heartbeat")
    until(lambda: "worker-heartbeat asked for" in wiretap.events(), timeout=20)
    worker.stop()
    until(lambda: "worker-offline" in wiretap.events(), timeout=20)
    found = wiretap.events()
    assert {kind: unlike(found[kind], CELERYS[kind]) for kind in found if kind in CELERYS} == {
        kind: [] for kind in found if kind in CELERYS
    }
    assert found["task-succeeded"]["event"]["result"] == "5"
    assert found["task-failed"]["event"]["exception"] == "LookupError('out of stock')"
    assert found["task-revoked"]["event"]["expired"] is True
    pids = {one["event"]["pid"] for kind, one in found.items() if kind != "task-sent"}
    assert pids == {worker.pid}
    assert found["worker-offline"]["event"]["processed"] >= 4


def test_the_events_of_one_task_come_in_their_order(shop, wiretap):
    shop.umbel_worker("-E", "-n", "w1@%h")
    said = shop.project.client("from with_umbel import again; print(again.delay().get(timeout=30))")
    assert said.stdout.strip() == "2", said
    until(lambda: "task-succeeded" in wiretap.events(), timeout=20)
    events = [event for channel, _, body in wiretap.told if channel.endswith("task.multi") for event in body]
    assert [event["type"] for event in events] == [
        "task-received", "task-started", "task-retried",
        "task-received", "task-started", "task-retried",
        "task-received", "task-started", "task-succeeded",
    ]  # fmt: skip
    assert [event["clock"] for event in events] == sorted({event["clock"] for event in events})


def test_celery_reads_an_umbel_worker(shop):
    check_that_celery_reads_umbel(shop)


def test_umbel_reads_a_celery_worker(shop):
    check_that_umbel_reads_celery(shop)


def test_tasks_are_reported_when_somebody_asks_for_it(shop, wiretap, app):
    """`enable_events` and `disable_events`, at run time, for children that live already."""
    shop.umbel_worker("-n", "w1@%h")
    call = "from with_umbel import add; print(add.delay(2, 3).get(timeout=30))"
    with Control(app) as control:

        def ask(command: str) -> list[str]:
            answers = control.broadcast(command, reply=True, timeout=10)
            return [answer["ok"] for one in answers for answer in one.values()]

        assert shop.project.client(call).stdout.strip() == "5"
        assert ask("disable_events") == ["task events already disabled"]
        assert ask("enable_events") == ["task events enabled"]
        assert ask("enable_events") == ["task events already enabled"]
        until(lambda: shop.project.client(call) and "task-succeeded" in wiretap.events(), timeout=30)
        assert ask("disable_events") == ["task events disabled"]
    assert sum(len(body) for channel, _, body in wiretap.told if channel.endswith("task.multi")) % 3 == 0


def test_nothing_is_said_of_tasks_unless_asked(shop, wiretap):
    shop.umbel_worker("-n", "w1@%h")
    said = shop.project.client("from with_umbel import add; print(add.delay(2, 3).get(timeout=30))")
    assert said.stdout.strip() == "5"
    until(lambda: "worker-heartbeat" in wiretap.events(), timeout=20)
    assert set(wiretap.events()) == {"worker-online", "worker-heartbeat"}


def test_a_state_fills_itself_from_a_receiver(shop, app):
    """What Flower does: a receiver in a thread, a state that it feeds."""
    state = app.events.State()
    receiver = app.events.Receiver(handlers={"*": state.event})
    thread = threading.Thread(target=receiver.capture, daemon=True)
    shop.umbel_worker("-E", "-n", "w1@%h")
    thread.start()
    until(lambda: [worker.alive for worker in state.workers.values()] == [True], timeout=20)
    said = shop.project.client("from with_umbel import add; r = add.delay(2, 3); r.get(timeout=30); print(r.id)")
    task_id = said.stdout.strip()
    until(lambda: task_id in state.tasks and state.tasks[task_id].state == "SUCCESS", timeout=20)
    receiver.should_stop = True
    thread.join(10)
    assert not thread.is_alive()
    task = state.tasks[task_id]
    assert (task.name, task.args, task.result, task.worker.hostname[:3]) == ("shop.add", "(2, 3)", "5", "w1@")
    assert task.received <= task.started <= task.succeeded
    assert state.task_count == 1
    assert [uuid for uuid, _ in state.tasks_by_worker(task.worker.hostname)] == [task_id]


def test_events_of_your_own(app):
    heard: list[dict] = []
    ready = threading.Event()

    class Receiver(app.events.receiver_cls):
        def wakeup_workers(self, channel=None):
            ready.set()

    receiver = Receiver(app=app, handlers={"custom-arrived": heard.append})
    thread = threading.Thread(target=receiver.capture, kwargs={"limit": 1}, daemon=True)
    thread.start()
    assert ready.wait(20)
    with app.events.Dispatcher(hostname="me@here") as dispatcher:
        dispatcher.send("custom-arrived", parcel=7)
    thread.join(20)
    assert [(event["parcel"], event["hostname"]) for event in heard] == [(7, "me@here")]


def test_a_worker_works_on_while_its_events_go_nowhere(own_server, shop, project, tmp_path):
    """The exchange's channel is forbidden to the worker's user: it says so once, and loses no task."""
    link = Link(Address.parse(own_server.url, {}))
    link.call("ACL", "SETUSER", "quiet", "on", ">secret", "~*", "+@all", "resetchannels", "&celery-task-meta-*")
    link.close()
    url = own_server.url.replace("redis://", "redis://quiet:secret@")
    quiet = Shop(project, url, url)
    worker = quiet.umbel_worker("-E")
    path = tmp_path / "done"
    said = quiet.project.client(
        f"from with_umbel import note\nfor number in range(200): note.delay({str(path)!r}, number)"
    )
    assert said.returncode == 0, said
    until(lambda: path.exists() and path.read_text().count("\n") == 200, worker.output, timeout=60)
    refusals = [line for line in worker.output().splitlines() if "Events cannot be sent" in line]
    assert 1 <= len(refusals) <= 3, worker.output()  # once in the supervisor, and in each child
    assert "secret" not in worker.output()


class TestRedisMonitor(MonitorSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})
