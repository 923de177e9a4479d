"""The ear: what changes after the reading ends the sleep, however the server's word and its replies come together."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from umbel import clock
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.ear import Ear
from umbel.adapters.redis.link import Link

LOOK = ("EXISTS", "key")
CHANGE = ("SET", "key", "1")
LONG = 20.0


@pytest.fixture
def ear(url):
    ear = Ear(Link(Address.parse(url, {})))
    yield ear
    ear.close()


def slept(ear, timeout):
    """Seconds that a sleep took."""
    began = clock.monotonic()
    ear.sleep(timeout)
    return clock.monotonic() - began


@pytest.mark.parametrize("behind", [(), (("PING",),), (("PING",), ("EXISTS", "other"))])
def test_a_change_while_the_replies_are_still_coming_ends_the_sleep_at_once(ear, behind):
    ear.read(LOOK)
    ear.read(LOOK, CHANGE, *behind)
    assert slept(ear, LONG) < LONG / 2


def test_a_change_during_the_sleep_ends_it(ear, link):
    ear.read(LOOK)
    change = threading.Timer(0.1, link.call, CHANGE)
    change.start()
    assert slept(ear, LONG) < LONG / 2
    change.join()


def test_what_changed_before_the_reading_is_over(ear, link):
    ear.read(LOOK)
    link.call(*CHANGE)
    assert ear.read(LOOK) == [1]
    assert slept(ear, 0.2) >= 0.2


def test_no_word_is_lost_while_somebody_writes_all_the_time(ear, link):
    """Each change is made as soon as the one before was seen: a lost one would last the whole sleep."""
    rounds, seen, stop = 300, threading.Semaphore(1), threading.Event()

    def write():
        for _ in range(rounds):
            seen.acquire()
            if stop.is_set():
                return
            link.call("INCR", "key")

    writer = threading.Thread(target=write)
    writer.start()
    known, longest = 0, 0.0
    while known < rounds and longest < LONG / 2:
        now, *_ = ear.read(("GET", "key"), ("EXISTS", "other"), ("ZRANGE", "more", 0, 0))
        if int(now or 0) > known:
            known = int(now)
            seen.release()
        else:
            longest = max(longest, slept(ear, LONG))
    stop.set()
    seen.release()
    writer.join()
    assert (known, longest < LONG / 2) == (rounds, True)


def test_a_connection_that_the_server_closes_ends_the_sleep_and_is_opened_again(ear, link):
    ear.read(LOOK)
    link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert slept(ear, LONG) < LONG / 2
    assert ear.read(LOOK) == [0]


def test_a_request_that_comes_before_answers_are_read_is_told_afterwards(url):
    """Answers are read by the same ear, and its word about the requests must not be gone with that."""
    broker = open_broker(url, {})
    with closing(broker.control()) as asks, closing(broker.control()) as hears:
        assert hears.broadcasts(0, 0.01) == []
        asks.broadcast(b"do it", clock.wall() + 60)
        assert hears.replies("ticket", 0.01) == []
        assert [request.payload for request in hears.broadcasts(0, 0.01)] == [b"do it"]
