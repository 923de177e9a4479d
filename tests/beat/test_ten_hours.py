"""Three schedulers over each real store for ten simulated hours, killed and paused at random: each tick once."""

from __future__ import annotations

from contextlib import closing

import pika
import pytest

from tests.beat.scene import NOON, Slippery, World
from tests.support import scale
from tests.support.servers import redis_server
from umbel.adapters.amqp.broker import open_broker as open_amqp
from umbel.adapters.redis.broker import open_broker as open_redis
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.app.relay import Relay
from umbel.schedules import every

ENTRIES = {
    "tens": {"task": "t", "schedule": every(seconds=10), "catch_up": "all", "catch_up_most": 100_000},
    "minutes": {"task": "t", "schedule": every(minutes=1), "catch_up": "all", "catch_up_most": 100_000},
    "celerys": {"task": "t", "schedule": 7.0},
}


def ten_hours(world: World) -> None:
    """Let them go by, with about a death or a pause in two minutes; the last minute is quiet."""
    for ahead in (0.0, 2.0, -2.0):
        world.start(ahead)
    world.run(1)
    world.chaos = 0.003
    world.run(scale.count(full=36_000, small=400))
    world.chaos = 0.0
    world.run(60)


def check(world: World, *, doubled: bool = False) -> None:
    """Count what there is."""
    end = world.now - NOON
    for name, seconds in (("tens", 10), ("minutes", 60)):
        sent = world.sent(name)
        wanted = list(range(seconds, int(end) - 10, seconds))  # the clock of who leads at the end may be behind
        assert sorted(set(sent))[: len(wanted)] == wanted, f"a tick of {name} was not sent"
        assert doubled or len(sent) == len(set(sent)), f"a tick of {name} was sent twice"
    celerys = world.sent("celerys")
    assert doubled or len(celerys) == len(set(celerys))
    assert len(celerys) >= end / 7 * 0.9
    assert len({moment.term for moment in world.history("")}) > 1, "nobody was killed"


@pytest.mark.chaos
@scale.limit(60)
def test_on_sqlite(tmp_path):
    world = World(ENTRIES, 1, open_sqlite(f"sqlite:///{tmp_path}/queue.db", {}))
    ten_hours(world)
    check(world)
    world.close()


@pytest.mark.chaos
@scale.limit(60)
def test_on_redis(tmp_path):
    with redis_server(tmp_path) as redis:
        world = World(ENTRIES, 2, open_redis(redis.url, {}))
        ten_hours(world)
        check(world)
        world.close()


class Apart(World):
    """Messages in RabbitMQ, marks in Redis; a scheduler may also die between the two."""

    def __init__(self, seed, messages, marks):
        super().__init__(ENTRIES, seed, open_amqp(messages, {}))
        self.url, self.found = messages, []
        self.marks = open_redis(marks, {})
        self.publisher = self.broker.publisher()

    def coordinator(self, name):
        return Relay(Slippery(self, name, self.held(self.marks.coordinator("shop"))), lambda: self.publisher)

    def messages(self):
        """Read once, at the end."""
        self.found = self.found or self.read()
        return self.found

    def read(self):
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        channel, found = connection.channel(), []
        while (got := channel.basic_get("q"))[0] is not None:
            found.append((*got[2].decode().split("|"), got[1].headers["id"]))
        connection.close()
        return found

    def history(self, entry):
        with closing(self.marks.coordinator("shop")) as coordinator:
            return coordinator.history(entry)


@pytest.mark.chaos
@scale.limit(60)
def test_on_rabbitmq_with_redis(rabbitmq, tmp_path):
    with redis_server(tmp_path) as redis:
        world = Apart(3, rabbitmq.vhost(), redis.url)
        ten_hours(world)
        check(world, doubled=True)
        sent = {(name, nominal) for name, nominal, _ in world.messages()}
        assert len({task_id for *_, task_id in world.messages()}) == len(sent), "a tick has one id"
        world.publisher.close()
        world.close()
