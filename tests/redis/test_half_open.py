"""A connection of which only one side knows: a gateway forgot it, or the other machine is gone without a word."""

from __future__ import annotations

import socket
import time

import pytest

from umbel.adapters.redis import link as link_module
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.faults import Unanswered
from umbel.adapters.redis.link import Link
from umbel.testing.network import Network


@pytest.fixture
def network(redis_server):
    with Network(redis_server.port) as network:
        yield network


@pytest.fixture
def through(network, url):
    link = Link(Address.parse(network.url(url), {"timeout": 2.0}))
    yield link
    link.close()


@pytest.fixture
def at_once(monkeypatch):
    """A silence is long from its beginning."""
    monkeypatch.setattr(link_module, "DOUBT", 0.0)


def test_one_that_was_forgotten_is_replaced_before_anything_is_sent(network, through, link, at_once):
    through.call("SET", "n", 0)
    network.stall()
    network.heal()
    assert through.call("INCR", "n") == 1, "no command that may be done once only was risked"
    assert link.call("GET", "n") == b"1"
    assert network.accepted == 2


def test_a_question_to_nobody_keeps_the_deadline(network, through, at_once):
    through.call("PING")
    network.stall()
    began = time.monotonic()
    with pytest.raises(Exception, match="cannot be reached"):
        through.call("INCR", "n")
    assert 1.5 < time.monotonic() - began < 4


def test_one_in_use_is_not_asked(network, through):
    through.call("PING")
    before = network.requests
    through.call("PING")
    assert network.requests == before + 1
    network.stall()
    network.heal()
    with pytest.raises(Unanswered):
        through.call("INCR", "n", timeout=0.3)


def test_a_sign_of_life_is_read_before_the_command(through, at_once):
    assert [through.call("INCR", "n") for _ in range(3)] == [1, 2, 3]
    assert through.many([("PING",), ("GET", "n")]) == [b"PONG", b"3"]


def test_the_system_asks_too(through):
    wire = through.wire(through.until(None))
    with socket.socket(fileno=socket.dup(wire.fileno())) as same:
        assert same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
