"""The heartbeat file: live and ready are read from it without an app and without a store."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from umbel import health


def beat(**changes: object) -> health.Beat:
    facts: dict[str, object] = {"node": "w@h", "pid": os.getpid(), "beat": 100.0, "store": 100.0, "ready": True}
    return health.Beat(**{**facts, **changes})  # type: ignore[arg-type]  # one place builds all variants


def test_a_written_beat_is_read_back(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "w@h.health")
    health.write(path, beat(children=[1, 2]))
    assert health.read(path) == beat(children=[1, 2])
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["w@h.health"]
    health.remove(path)
    assert health.read(path) is None


def test_a_damaged_file_is_no_beat(tmp_path: Path) -> None:
    path = tmp_path / "w.health"
    path.write_bytes(b"\x00 not json")
    assert health.read(str(path)) is None


@pytest.mark.parametrize(
    ("changes", "now", "live", "serving"),
    [
        ({}, 101.0, True, True),
        ({}, 116.0, False, False),
        ({"store": 80.0}, 101.0, True, False),
        ({"ready": False}, 101.0, True, False),
        ({"pid": 2**22 + 1}, 101.0, False, False),
        ({"beat": 500.0}, 101.0, False, False),
    ],
)
def test_live_and_ready(changes: dict[str, object], now: float, live: bool, serving: bool) -> None:
    assert (beat(**changes).live(now), beat(**changes).serving(now)) == (live, serving)


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        health.notify("READY=1")
        assert listener.recv(100) == b"READY=1"
