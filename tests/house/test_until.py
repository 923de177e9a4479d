"""The wait that every other test relies on."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.until import until


def test_it_returns_the_first_true_value():
    values = iter([0, "", None, [7]])
    assert until(lambda: next(values)) == [7]


def test_it_sees_what_another_thread_does():
    event = threading.Event()
    threading.Timer(0.02, event.set).start()
    assert until(event.is_set)


def test_it_gives_up_at_its_deadline_and_says_what_it_waited_for():
    start = time.monotonic()
    with pytest.raises(AssertionError, match=r"not within 0\.05 s: the third child \(last value: 0\)"):
        until(lambda: 0, "the third child", timeout=0.05)
    assert 0.05 <= time.monotonic() - start < 1.0


def test_without_a_message_it_shows_the_condition():
    children = [1]
    with pytest.raises(AssertionError, match=r"len\(children\) == 3"):
        until(lambda: len(children) == 3, timeout=0.01)
