from __future__ import annotations

import os
import threading

import pytest

from umbel.adapters.memory.bell import Bell


@pytest.fixture
def bell():
    bell = Bell()
    yield bell
    bell.close()


def test_a_ring_before_the_sleep_is_kept(bell):
    bell.ring()
    assert bell.sleep(10) is True


def test_many_rings_are_one(bell):
    for _ in range(100_000):
        bell.ring()
    assert bell.sleep(10) is True
    assert bell.sleep(0) is False


def test_a_ring_wakes(bell):
    woken = []
    sleeper = threading.Thread(target=lambda: woken.append(bell.sleep(30)), daemon=True)
    sleeper.start()
    bell.ring()
    sleeper.join(10)
    assert woken == [True]


def test_the_callers_descriptor_wakes_and_is_not_read(bell):
    wake, ring = os.pipe()
    os.write(ring, b"!")
    assert bell.sleep(30, wake) is False
    assert os.read(wake, 10) == b"!"
    os.close(wake)
    os.close(ring)


def test_a_timeout_ends_the_sleep(bell):
    assert bell.sleep(0.001) is False
    assert bell.sleep(-1) is False
