"""Which lines of the log are coloured: `worker_log_color`."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from umbel.conf import Settings
from umbel.worker.logs import LogOptions, _Formatter, colored


class Screen:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("said", "terminal", "wanted"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_on_a_terminal_unless_it_was_said(monkeypatch: Any, said: bool | None, terminal: bool, wanted: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if terminal:
        monkeypatch.setattr(sys, "stderr", Screen())
    assert colored(LogOptions(), Settings({"worker_log_color": said})) is wanted


def test_a_terminal_that_wants_none_and_what_is_no_terminal(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stderr", Screen())
    always = Settings({"worker_log_color": True})
    assert colored(LogOptions(color=False), always) is False
    assert colored(LogOptions(logfile="worker.log"), always) is False
    assert colored(LogOptions(), Settings({"worker_log_color": True, "worker_log_json": True})) is False
    monkeypatch.setenv("NO_COLOR", "1")
    assert colored(LogOptions(), Settings()) is False
    assert colored(LogOptions(), always) is True


@pytest.mark.parametrize(("level", "number"), [(10, "34"), (30, "33"), (40, "31"), (50, "35")])
def test_each_level_has_its_colour(level: int, number: str) -> None:
    record = logging.LogRecord("umbel.worker", level, "x.py", 1, "word", None, None)
    conf = Settings({"worker_log_format": "%(message)s"})
    assert _Formatter(conf, color=True).format(record) == f"\x1b[1;{number}mword\x1b[0m"
    assert _Formatter(conf, color=False).format(record) == "word"


def test_what_is_merely_told_has_none() -> None:
    record = logging.LogRecord("umbel.worker", logging.INFO, "x.py", 1, "word", None, None)
    assert _Formatter(Settings({"worker_log_format": "%(message)s"}), color=True).format(record) == "word"
