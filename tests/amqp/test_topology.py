"""Declarations: what exists is used as it is, and Celery's processes find what they would have made."""

from __future__ import annotations

from functools import partial

import pytest
from kombu import Connection, Exchange, Queue
from kombu.transport.native_delayed_delivery import (
    bind_queue_to_native_delayed_delivery_exchange,
    calculate_routing_key,
    declare_native_delayed_delivery_exchanges_and_queues,
)

from tests.support.until import until
from umbel import Umbel
from umbel.adapters.amqp import places, plan, topology
from umbel.adapters.amqp.address import Address
from umbel.adapters.amqp.faults import Refused
from umbel.adapters.amqp.fields import properties
from umbel.adapters.amqp.link import Link
from umbel.adapters.amqp.outbox import Copy, Outbox
from umbel.adapters.amqp.plan import Plan
from umbel.adapters.amqp.topology import Topology
from umbel.app.options import broker_options


@pytest.fixture
def link(url):
    link = Link(Address.parse(url, {}), "test")
    yield link
    link.close()


@pytest.fixture
def kombu(url):
    with Connection(url) as connection:
        yield connection


def ensure(link, name, settings=None):
    found = Topology(link, planned(settings or {}))
    found.ensure(name, link.until())
    return found


def planned(settings):
    app = Umbel("planned", broker="memory://", set_as_current=False, **settings)
    return Plan.of(broker_options(app.conf, app.declared))


def redeclare(link, name, **options):
    """A second declaration, which the server compares with the first."""
    return link.ask(
        lambda channel, reply: channel.queue_declare(name, callback=reply, **options), link.until(), aside=True
    )


def test_a_new_queue_is_a_quorum_queue(link):
    ensure(link, "new")
    redeclare(link, "new", durable=True, arguments={"x-queue-type": "quorum"})
    with pytest.raises(Refused, match="406"):
        redeclare(link, "new", durable=True)


def test_a_pause_whose_maker_died_halfway_is_finished_by_the_next(link):
    """The queue was made, and not yet the exchange that leads to it."""
    own = Topology(link, Plan())
    name = places.pause(own, 0.05, link.until())
    link.ask(lambda channel, reply: channel.exchange_delete(name, callback=reply), link.until(), aside=True)
    ensure(link, "aim")
    Outbox(link).send([Copy(places.pause(own, 0.05, link.until()), "aim", properties(), b"x")], link.until())
    assert until(lambda: own.size("aim", link.until())[0] == 1, "the message to come back")


def test_the_queue_that_every_celery_process_declares_is_theirs(link, kombu):
    made = ensure(link, "celery")
    Queue("celery", Exchange("celery"), routing_key="celery")(kombu.channel()).declare()
    redeclare(link, "celery", durable=True)
    assert made.plan.queue("celery").arguments == {}


@pytest.mark.parametrize(
    "arguments", [{}, {"x-max-priority": 10}, {"x-queue-type": "quorum"}, {"x-message-ttl": 60_000}]
)
def test_a_queue_that_exists_is_used_as_it_is(link, kombu, arguments):
    kombu.channel().queue_declare("theirs", durable=True, auto_delete=False, arguments=arguments)
    ensure(link, "theirs")
    found = ensure(link, "theirs", {"task_queues": [{"name": "theirs", "max_priority": 3, "exchange": "x"}]})
    assert found.size("theirs", link.until()) == (0, 0)


def test_what_settings_say_is_what_celery_makes_of_them(link, kombu):
    """Each is declared by us first, and then by kombu, with the same description: no 406."""
    queues = [
        Queue("plain", Exchange("plain"), routing_key="plain"),
        Queue("urgent", Exchange("jobs"), routing_key="urgent", max_priority=10),
        Queue("video", Exchange("media", "topic"), routing_key="media.video.#"),
        Queue("news.web", Exchange("news", "fanout")),
        Queue(
            "short", Exchange("short"), routing_key="s", message_ttl=60, expires=120, max_length=5, max_length_bytes=99
        ),
        Queue("safe", Exchange("safe"), routing_key="safe", queue_arguments={"x-queue-type": "quorum"}),
        Queue("passing", Exchange("passing", durable=False), routing_key="p", durable=False, auto_delete=True),
    ]
    made = Topology(link, planned({"task_queues": queues}))
    for queue in queues:
        made.ensure(queue.name, link.until())
        queue(kombu.channel()).declare()
    channel = kombu.channel()
    for exchange, key, queue in [
        ("media", "media.video.x.y", "video"),
        ("news", "", "news.web"),
        ("jobs", "urgent", "urgent"),
    ]:
        kombu.Producer(channel).publish({}, exchange=exchange, routing_key=key, mandatory=True)
        assert until(partial(channel.basic_get, queue, no_ack=True))


@pytest.mark.parametrize(
    ("settings", "name", "kind"),
    [
        ({}, "celery", ""),
        ({}, "mail", "quorum"),
        ({"task_default_queue": "jobs"}, "jobs", "quorum"),
        ({"task_default_queue": "jobs", "task_default_queue_type": "classic"}, "jobs", ""),
        ({"task_create_missing_queue_type": "classic"}, "mail", ""),
        ({"task_queues": ["mail"]}, "mail", ""),
        ({"task_queues": ["mail"], "task_default_queue": "mail"}, "mail", "quorum"),
        ({"task_queues": [Queue("mail", max_priority=5)], "task_default_queue": "mail"}, "mail", ""),
        ({"task_queues": [Queue("mail", queue_arguments={"x-queue-type": "stream"})]}, "mail", "stream"),
        ({"task_default_queue": "jobs", "task_queue_max_priority": 5}, "jobs", ""),
    ],
)
def test_the_type_of_a_queue_is_what_the_settings_say(settings, name, kind):
    assert planned(settings).queue(name).arguments.get("x-queue-type", "") == kind


def test_celery_defaults_make_celery_s_queues():
    app = Umbel("planned", broker="memory://", set_as_current=False)
    app.conf.use_celery_defaults()
    found = Plan.of(broker_options(app.conf, app.declared))
    assert found.queue("mail").arguments == {}
    assert app.conf.broker_heartbeat == 120


def test_a_ladder_of_ours_is_celery_s(link, kombu):
    """All of it, to the last argument and binding; then Celery declares it once more."""
    made = ensure(link, "q")
    for level in (0, 5, 27):
        assert made.delayed("q", 2**level, link.until(60)) == (
            f"celery_delayed_{level}",
            calculate_routing_key(2**level, "q"),
        )
    declare_native_delayed_delivery_exchanges_and_queues(kombu, "quorum")


def test_a_ladder_of_celery_s_is_used(link, kombu):
    declare_native_delayed_delivery_exchanges_and_queues(kombu, "classic")
    queue = Queue("theirs", Exchange("theirs", "topic"), routing_key="theirs")
    queue(kombu.channel()).declare()
    bind_queue_to_native_delayed_delivery_exchange(kombu, queue)
    exchange, key = ensure(link, "theirs").delayed("theirs", 1, link.until())
    channel = kombu.channel()
    kombu.Producer(channel).publish({}, exchange=exchange, routing_key=key)
    kombu.Producer(channel).publish({}, exchange="celery_delayed_27", routing_key=calculate_routing_key(1, "theirs"))
    assert until(lambda: channel.basic_get("theirs", no_ack=True))
    assert until(lambda: channel.basic_get("theirs", no_ack=True))
    assert channel.basic_get("theirs", no_ack=True) is None  # two ways lead there, and each message came once


def test_a_delayed_message_is_for_one_queue_only(link, kombu):
    """Also where the name of another is the end of its name, or a pattern."""
    names = ["a.b", "b", "*", "#", "x.#.b", "ü", "n" * 250, "m" * 300]
    made = Topology(link, Plan())
    channel = kombu.channel()
    for name in names:
        made.delayed(name, 1, link.until())
    for name in names:
        exchange, key = made.delayed(name, 1, link.until())
        kombu.Producer(channel).publish({"for": name}, exchange=exchange, routing_key=key)
    for name in names:
        found = until(lambda name=name: channel.basic_get(plan.server_name(name), no_ack=True))
        assert found.body
        assert channel.basic_get(plan.server_name(name), no_ack=True) is None


def test_a_longer_delay_than_the_ladder_s_climbs_as_far_as_it_goes(link):
    assert ensure(link, "q").delayed("q", 2**40, link.until(60)) == (
        "celery_delayed_27", topology.delayed_key(2**28 - 1, "q")
    )  # fmt: skip


def test_a_user_without_the_right_to_configure_works_with_what_is_there(link, rabbitmq, url):
    ensure(link, "there").delayed("there", 4, link.until())
    vhost = url.rpartition("/")[2]
    rabbitmq.eval(
        'ok = rabbit_auth_backend_internal:add_user(<<"poor">>, <<"pw">>, <<"tests">>),'
        f'ok = rabbit_auth_backend_internal:set_permissions(<<"poor">>, <<"{vhost}">>,'
        ' <<"^$">>, <<".*">>, <<".*">>, <<"tests">>).'
    )
    poor = Link(Address.parse(url.replace("guest:guest", "poor:pw"), {}), "test")
    try:
        made = ensure(poor, "there")
        assert made.delayed("there", 4, poor.until()) is not None
        assert made.delayed("there", 400, poor.until()) is None
        with pytest.raises(Refused, match="set_permissions"):
            made.ensure("missing", poor.until())
    finally:
        poor.close()


def test_what_was_seen_is_forgotten_with_the_connection(link):
    made = ensure(link, "q")
    link.ask(lambda channel, reply: channel.queue_delete("q", callback=reply), link.until())
    made.ensure("q", link.until())
    assert made.size("q", link.until()) is None
    link.drop("a test")
    link.channel(link.until())
    made.ensure("q", link.until())
    assert made.size("q", link.until()) == (0, 0)


def test_a_queue_of_another_connection_is_not_ours_to_count(link, kombu):
    kombu.channel().queue_declare("own", exclusive=True)
    assert ensure(link, "q").size("own", link.until()) == (0, 1)


@pytest.mark.parametrize(
    "queue",
    [
        plan.mailbox("w1@host"),
        plan.answers("oid"),
        plan.listener("uuid"),
        plan.results("oid"),
    ],
    ids=lambda queue: queue.name,
)
def test_celery_s_own_queues_are_declared_as_celery_declares_them(queue):
    """As captured from Celery 5.7 (celery.pidbox, celeryev, a client of rpc://)."""
    seen = {
        "w1@host.celery.pidbox": (False, True, True, {"x-expires": 10000, "x-message-ttl": 300000}),
        "oid.reply.celery.pidbox": (False, True, True, {"x-expires": 10000, "x-message-ttl": 300000}),
        "celeryev.uuid": (False, True, True, {"x-expires": 60000, "x-message-ttl": 5000}),
        "oid": (True, True, False, {"x-expires": 86400000}),
    }
    assert (queue.durable, queue.auto_delete, queue.exclusive, queue.arguments) == seen[queue.name]
