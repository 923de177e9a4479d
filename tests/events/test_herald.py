"""The herald keeps nobody waiting, drops the oldest while the broker is away, and says so once."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from tests.support.until import until
from umbel.event import MULTI
from umbel.events import herald as module
from umbel.events.herald import Herald
from umbel.exceptions import StoreUnavailable


class Wire:
    """A monitor whose broker can be taken away, and held up."""

    def __init__(self) -> None:
        self.away = False
        self.free = threading.Event()
        self.free.set()
        self.told = []
        self.tries = 0
        self.closed = False

    def tell(self, news):
        self.tries += 1
        self.free.wait(20)
        if self.away:
            raise StoreUnavailable("nobody at home")
        self.told += news
        return True

    def listen(self, pattern="#"):
        raise AssertionError(pattern)

    def hear(self, timeout, wake=-1):
        raise AssertionError(timeout)

    def close(self):
        self.closed = True


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def herald(wire, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    herald = Herald(lambda: wire, lambda value: ("application/json", "utf-8", json.dumps(value).encode()))
    yield herald
    wire.free.set()
    herald.close()


def told(wire):
    """Numbers of all events that were told, in order."""
    bodies = [json.loads(news.body) for news in wire.told]
    return [event["n"] for body in bodies for event in (body if isinstance(body, list) else [body])]


def test_events_of_tasks_are_gathered_and_others_are_not(wire, herald):
    wire.free.clear()
    herald.post("worker.online", "w@h", {"n": 0})
    until(lambda: wire.tries == 1)
    for number in range(1, 4):
        herald.post(MULTI, "w@h", {"n": number})
    herald.post("worker.heartbeat", "w@h", {"n": 4})
    herald.post(MULTI, "w@h", {"n": 5})
    wire.free.set()
    until(lambda: len(told(wire)) == 6)
    assert [(news.key, json.loads(news.body)) for news in wire.told] == [
        ("worker.online", {"n": 0}),
        (MULTI, [{"n": 1}, {"n": 2}, {"n": 3}]),
        ("worker.heartbeat", {"n": 4}),
        (MULTI, [{"n": 5}]),
    ]


def test_nobody_waits_for_a_slow_broker(wire, herald):
    wire.free.clear()
    for number in range(100):
        herald.post(MULTI, "w@h", {"n": number})
    assert wire.told == []
    wire.free.set()
    until(lambda: told(wire) == list(range(100)))


def test_the_oldest_are_dropped_while_the_broker_is_away(wire, herald, caplog):
    caplog.set_level(logging.WARNING, "umbel.events")
    wire.away = True
    total = module.QUEUE_MOST + 5000
    for number in range(total):
        herald.post(MULTI, "w@h", {"n": number})
    before = wire.tries
    until(lambda: wire.tries > before + 3)
    wire.away = False
    until(lambda: wire.told and told(wire)[-1] == total - 1)
    kept = told(wire)
    assert kept == list(range(kept[0], total))
    assert module.QUEUE_MOST <= len(kept) <= module.QUEUE_MOST + module.BATCH
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "nobody at home" in caplog.messages[0]
    assert caplog.messages[1].startswith("Events are sent; ")
    assert 0 < int(caplog.messages[1].split()[3]) <= 5000


def test_what_cannot_be_written_costs_only_itself(wire, herald, caplog):
    herald.post("custom.odd", "w@h", {"n": object()})
    herald.post("custom.even", "w@h", {"n": 2})
    until(lambda: told(wire) == [2])
    assert any("custom.odd" in message for message in caplog.messages)


def test_the_last_words_are_sent(wire, herald):
    herald.post("worker.offline", "w@h", {"n": 1})
    herald.close()
    assert told(wire) == [1]
    assert wire.closed


def test_an_end_does_not_wait_for_a_broker_that_does_not_answer(wire, herald):
    wire.free.clear()
    herald.post("worker.offline", "w@h", {"n": 1})
    herald.close(0.1)
    assert wire.told == []


def test_a_process_that_has_no_room_for_a_thread_loses_nothing(wire, herald, monkeypatch, caplog):
    """Also at the end of the interpreter: whoever has sent a task is not told that it failed."""

    def refused(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refused)
        herald.post("worker.online", "w@h", {"n": 0})
    assert "Events cannot be sent" in caplog.text
    herald.post("worker.heartbeat", "w@h", {"n": 1})
    until(lambda: told(wire) == [0, 1])
