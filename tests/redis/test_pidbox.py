"""Celery's remote control and umbel's workers in one fleet: questions, revocations, the start of a Celery worker."""

from __future__ import annotations

import json
from contextlib import closing

import msgspec
import pytest

from tests.support.until import until
from umbel import clock
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link
from umbel.broker import Revocation

pytestmark = pytest.mark.timeout(180)  # Celery takes seconds to start

TASKS = """
    import time
    from {module} import {name}

    app = {name}("shop", broker={url!r}, backend={url!r})

    @app.task(name="shop.add")
    def add(x, y):
        return x + y

    @app.task(name="shop.hold")
    def hold(seconds):
        time.sleep(seconds)
"""

STEERED = """
from with_celery import app; import json
c, ask = app.control, dict(reply=True, timeout=20, destination=["u@here"])
said = [
    c.rate_limit("shop.add", "10/m", **ask), c.time_limit("shop.hold", soft=60, hard=90, **ask),
    c.add_consumer("extra", **ask), c.pool_grow(1, **ask),
]
queues = [queue["name"] for queue in c.inspect(destination=["u@here"], timeout=20).active_queues()["u@here"]]
said += [c.cancel_consumer("extra", **ask), c.terminate("none", **ask)]
print(json.dumps([answer["u@here"]["ok"] for [answer] in said] + [queues]))
"""
"""What a Celery client changes in an umbel worker, and what it is answered."""


@pytest.fixture
def shop(project, url):
    """One program twice: as Celery has it, and as umbel has it."""
    for module, name in (("celery", "Celery"), ("umbel", "Umbel")):
        project.write(f"with_{module}.py", TASKS.format(module=module, name=name, url=url))
    return project


def umbel_worker(shop, *options):
    worker = shop.forked_worker("with_umbel", "-c", "1", "-l", "info", "-n", "u@here", *options)
    worker.until_output("ready.", timeout=20)
    return worker


def celery_worker(shop, *options):
    worker = shop.celery_worker("with_celery", "-c", "1", "-l", "info", "-n", "c@here", *options)
    worker.until_output("ready.", timeout=40)
    return worker


def python(shop, code):
    said = shop.client(code, of="celery" if "with_celery" in code else "umbel")
    assert said.returncode == 0, said
    return json.loads(said.stdout)


def asked(shop, question):
    """What a Celery client is answered: node -> answer. A busy machine may answer some of it too late."""
    code = "from with_celery import app; import json; i = app.control.inspect(timeout=3); c = app.control\n"
    answers = python(shop, f"{code}print(json.dumps({question}))") or {}
    return answers if isinstance(answers, dict) else {node: said for one in answers for node, said in one.items()}


@pytest.mark.long
def test_celery_asks_both_kinds_of_workers(shop):
    umbel_worker(shop)
    worker = celery_worker(shop)
    assert "Traceback" not in worker.output()  # it asks the others at its start, and the umbel worker may answer
    pong, both = {"ok": "pong"}, {"u@here", "c@here"}
    until(lambda: asked(shop, "c.ping(timeout=3)") == dict.fromkeys(both, pong), worker.output, timeout=40)
    until(lambda: asked(shop, "i.registered()").keys() == both, worker.output, timeout=40)
    assert asked(shop, "c.ping(destination=['c@here'], timeout=3)").keys() <= {"c@here"}
    dance = {"error": "KeyError('dance')"}
    until(lambda: asked(shop, "c.broadcast('dance', reply=True, timeout=3)").get("u@here") == dance, timeout=40)
    assert python(shop, STEERED) == [
        "new rate limit set successfully", "time limits set successfully", "add consumer extra", "pool will grow",
        "no longer consuming from extra", "terminate: tasks unknown", ["celery", "extra"],
    ]  # fmt: skip
    asks = "from with_umbel import app; import json; c = app.control; print(json.dumps({}))"
    until(lambda: python(shop, asks.format("c.inspect(timeout=20).ping()")) == dict.fromkeys(both, pong), timeout=60)
    limited = "c.rate_limit('shop.add', '10/m', ['c@here'], reply=True, timeout=20)"
    assert python(shop, asks.format(limited)) == [{"c@here": {"ok": "new rate limit set successfully"}}]


@pytest.mark.parametrize("countdown", [0, 300])
def test_what_celery_s_client_revokes_no_umbel_worker_starts(shop, url, countdown):
    worker = umbel_worker(shop)
    sent = python(
        shop, "from with_celery import add, hold; import json; hold.delay(600)\n"
        f"print(json.dumps(add.apply_async((1, 1), countdown={countdown}).id))",
    )  # fmt: skip
    with closing(open_broker(url, {}).shelf()) as shelf:
        until(lambda: shelf.items("leased") and shelf.find(sent), timeout=20)
        python(shop, f"from with_celery import app; print(app.control.revoke({sent!r}) or 0)")
        until(lambda: not shelf.find(sent), worker.output, timeout=20)
    state = f"from with_celery import app; import json; print(json.dumps(app.AsyncResult({sent!r}).state))"
    assert python(shop, state) == "REVOKED"


def test_what_umbel_s_client_revokes_no_celery_worker_starts(shop):
    """The Celery worker holds it already, until its time comes."""
    worker = celery_worker(shop)
    send = "from with_umbel import add; import json; print(json.dumps(add.apply_async((1, 1), countdown=3600).id))"
    sent = python(shop, send)
    worker.until_output(f"[{sent}] received", timeout=20)
    assert shop.umbel("-A", "with_umbel", "revoke", sent).returncode == 0
    worker.until_output(f"Tasks flagged as revoked: {sent}", timeout=20)
    until(lambda: asked(shop, "i.revoked()").get("c@here") == [sent], worker.output, timeout=40)


@pytest.fixture
def control(url):
    """Control of a database with a prefix and a number of its own."""
    broker = open_broker(url.removesuffix("0") + "3", {"global_keyprefix": "p:"})
    with closing(broker.control()) as control, closing(broker.control()) as other:
        yield control, other


def published(link, document, **headers):
    """As kombu writes it; number of those who heard it."""
    body = msgspec.json.encode(document).decode()
    envelope = {"body": body, "headers": headers, "properties": {}, "content-type": "application/json"}
    return link.call("PUBLISH", "p:/3.celery.pidbox", msgspec.json.encode(envelope))


def test_who_listens_hears_what_is_not_too_old_and_not_ours(control, link):
    listening, other = control
    assert listening.broadcasts(0, 0.01) == []
    assert published(link, {"method": "late"}, clock=1, expires=1.0) == 1
    other.revoke([Revocation("a")])
    published(link, {"method": "ping", "ticket": "t", "reply_to": {"exchange": "r", "routing_key": "oid"}}, expires=0)
    other.broadcast(b"stored", 4e9)
    heard = [(each.number, each.payload) for each in listening.broadcasts(0, 5)]
    heard += [(each.number, each.payload) for each in listening.broadcasts(0, 5)] if len(heard) == 1 else []
    assert (heard[0][0], json.loads(heard[0][1])["method"]) == (0, "ping")
    assert (1, b"stored") in heard


def test_an_answer_goes_where_the_asker_reads(control, link):
    listening, _ = control
    listening.broadcasts(0, 0.01)
    published(link, {"method": "ping", "ticket": "t", "reply_to": {"exchange": "r", "routing_key": "oid"}})
    listening.broadcasts(0, 5)
    link.call("SELECT", 3)
    link.call("SADD", "p:_kombu.binding.r", "oid\x06\x16\x06\x16oid.reply", "else\x06\x16\x06\x16no.reply")
    listening.reply("t", b'{"w": 1}', 4e9)
    listening.reply("t", b'{"w": 2}', 4e9)  # nobody asked like that any more: for umbel's own
    [answer] = link.call("LRANGE", "p:oid.reply", 0, -1)
    document = json.loads(answer)
    assert (document["headers"]["ticket"], document["properties"]["delivery_info"]["routing_key"]) == ("t", "oid")
    assert 0 < link.call("TTL", "p:oid.reply") <= 60
    assert link.call("EXISTS", "p:no.reply") == 0
    assert listening.replies("t", 0.1) == [b'{"w": 2}']


def test_a_user_who_may_not_subscribe_hears_umbel_s_own(own_server):
    with closing(Link(Address.parse(own_server.url, {}))) as root:
        root.call("ACL", "SETUSER", "ann", "on", ">pw", "~*", "resetchannels", "+@all")
    broker = open_broker(own_server.url.replace("//", "//ann:pw@"), {})
    with closing(broker.control()) as control:
        control.broadcast(b"stored", 4e9)
        control.revoke([Revocation("a")])
        assert [each.payload for each in control.broadcasts(0, 5)] == [b"stored"]


def test_an_asker_that_is_killed_leaves_nothing_behind(url, link, monkeypatch):
    broker, now = open_broker(url, {}), clock.wall()
    with closing(broker.control()) as control, closing(broker.owners()) as owners:
        for seconds in (1, 600):
            asker = broker.control()
            asker.broadcast(b'{"method": "ping", "ticket": "t"}', now + seconds)
            asker._link.close()  # without a word, as the system closes what a killed process had
        bound = link.call("SMEMBERS", "_kombu.binding.reply.celery.pidbox")
        assert len(bound) == 2
        inboxes = [member.decode().rpartition("\x06\x16")[2] for member in bound]
        for inbox in inboxes:
            link.call("LPUSH", inbox, "an answer of a worker of Celery")
        owners.tidy({})
        assert link.call("EXISTS", *inboxes) == 2
        monkeypatch.setattr("umbel.clock.wall", lambda: now + 300)
        owners.tidy({})
        assert link.call("EXISTS", *inboxes) == 1
        [left] = link.call("SMEMBERS", "_kombu.binding.reply.celery.pidbox")
        assert link.call("ZRANGE", "umbel:inboxes", 0, -1) == [left]
        assert control.replies("t", 0.01) == []
