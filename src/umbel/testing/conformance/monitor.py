"""The suite of the monitor contract: every store that carries events passes it, ours and strangers'.

class TestMyMonitor(MonitorSuite):
    @pytest.fixture
    def broker(self):
        return open_broker("mystore://...", {})
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from ... import clock
from ...monitor import Monitor, Monitored, News

PATIENCE = 20.0
"""Seconds in which whatever was told must be heard."""

ONLINE = News("worker.online", "w1@here", b'{"type":"worker-online"}')
MULTI = News("task.multi", "w1@here", b'[{"type":"task-started"}]')
PACKED = News("custom.arrived", "me@here", b"\x80\xff\x00", "application/x-msgpack", "binary")


class Room:
    """The monitors of one check."""

    def __init__(self, broker: Monitored, stack: ExitStack) -> None:
        self._broker = broker
        self._stack = stack

    def monitor(self) -> Monitor:
        """One more, closed behind the check."""
        return self._stack.enter_context(closing(self._broker.monitor()))

    def listener(self, pattern: str = "#") -> Monitor:
        """One that listens."""
        monitor = self.monitor()
        monitor.listen(pattern)
        return monitor


def heard(monitor: Monitor, count: int) -> list[News]:
    """The next so many messages."""
    until = clock.monotonic() + PATIENCE
    found: list[News] = []
    while len(found) < count and clock.monotonic() < until:
        found += monitor.hear(min(1.0, until - clock.monotonic()))
    return found


class MonitorSuite:
    """Every sentence of `umbel.monitor`. A subclass gives the fixture ``broker``."""

    @pytest.fixture
    def room(self, broker: Monitored) -> Iterator[Room]:
        """Monitors of the broker."""
        with ExitStack() as stack:
            yield Room(broker, stack)

    def test_the_broker_is_found_to_carry_events(self, broker: object) -> None:
        """By looking whether the part is there."""
        assert isinstance(broker, Monitored)

    def test_what_is_told_is_heard_as_it_was(self, room: Room) -> None:
        """Key, node, bytes and content type, in the order in which it was told."""
        listener = room.listener()
        room.monitor().tell([ONLINE, MULTI, PACKED])
        assert heard(listener, 3) == [ONLINE, MULTI, PACKED]

    def test_every_listener_hears_everything(self, room: Room) -> None:
        """Nobody takes anything from another."""
        listeners = [room.listener(), room.listener()]
        teller = room.monitor()
        teller.tell([ONLINE])
        teller.tell([MULTI])
        assert [heard(one, 2) for one in listeners] == [[ONLINE, MULTI], [ONLINE, MULTI]]

    def test_who_was_not_there_has_missed_it(self, room: Room) -> None:
        """Events are told, not kept."""
        teller = room.monitor()
        teller.tell([ONLINE])
        listener = room.listener()
        teller.tell([MULTI])
        assert heard(listener, 1) == [MULTI]

    def test_a_pattern_leaves_out_the_others(self, room: Room) -> None:
        """As of a topic exchange."""
        listener = room.listener("worker.#")
        room.monitor().tell([MULTI, ONLINE, PACKED])
        assert heard(listener, 1) == [ONLINE]
        assert listener.hear(0.0) == []

    def test_it_is_known_that_nobody_listens(self, room: Room) -> None:
        """So that whoever tells can tell less."""
        teller = room.monitor()
        assert teller.tell([ONLINE]) is False
        listener = room.listener()
        assert teller.tell([ONLINE]) is True
        assert heard(listener, 1) == [ONLINE]

    def test_a_wait_ends_when_something_is_told(self, room: Room) -> None:
        """Long before its time is over."""
        listener, teller = room.listener(), room.monitor()
        thread = threading.Timer(0.2, teller.tell, ([ONLINE],))
        began = clock.monotonic()
        thread.start()
        assert listener.hear(PATIENCE * 2) == [ONLINE]
        assert clock.monotonic() - began < PATIENCE
        thread.join()

    def test_a_descriptor_ends_the_wait(self, room: Room) -> None:
        """Nothing is heard then."""
        listener = room.listener()
        read, write = os.pipe()
        try:
            os.write(write, b"!")
            began = clock.monotonic()
            assert listener.hear(PATIENCE * 2, read) == []
            assert clock.monotonic() - began < PATIENCE
        finally:
            os.close(read)
            os.close(write)

    def test_close_is_safe_to_repeat(self, room: Room) -> None:
        """And whoever has closed is no listener any more."""
        listener, teller = room.listener(), room.monitor()
        listener.close()
        listener.close()
        until = clock.monotonic() + PATIENCE
        while teller.tell([ONLINE]) and clock.monotonic() < until:  # a server may take a moment to notice
            pass
        assert teller.tell([ONLINE]) is False
        another = room.listener()
        assert teller.tell([ONLINE]) is True
        assert heard(another, 1) == [ONLINE]
        teller.close()
        teller.close()
