"""One broker by two URLs: `broker_read_url`, `broker_write_url`; and the time in which it must be reached."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from umbel import Umbel, loading
from umbel.testing.worker import InProcessWorker

A, B, C = "memory://urls-a", "memory://urls-b", "memory://urls-c"


def urls(**settings: str) -> tuple[str, str]:
    app = Umbel("urls", set_as_current=False, **settings)
    return app.broker_url, app.write_url


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"broker_url": A}, (A, A)),
        ({"broker_url": A, "broker_read_url": B}, (B, A)),
        ({"broker_url": A, "broker_write_url": B}, (A, B)),
        ({"broker_url": A, "broker_read_url": B, "broker_write_url": C}, (B, C)),
        ({"broker_read_url": B}, (B, B)),
        ({"broker_write_url": B}, (B, B)),
    ],
)  # fmt: skip
def test_which_url_is_for_what(settings: dict[str, str], wanted: tuple[str, str]) -> None:
    assert urls(**settings) == wanted


def test_the_environment_has_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_READ_URL", B)
    monkeypatch.setenv("UMBEL_BROKER_WRITE_URL", C)
    assert urls(broker_url=A) == (B, C)


def test_messages_go_to_one_and_workers_read_the_other(tmp_path: Any) -> None:
    read, write = f"sqlite:///{tmp_path}/read.db", f"sqlite:///{tmp_path}/write.db"
    with (
        Umbel("two", broker=write, broker_read_url=read) as two,
        Umbel("reading", broker=read) as reading,
        Umbel("writing", broker=write) as writing,
    ):

        def add(x: int, y: int) -> int:
            return x + y

        sent = two.task(name="add")(add).delay(2, 3)
        assert [item.parcel.id for item in writing.broker.shelf().items("ready")] == [sent.id]
        waiting = reading.task(name="add")(add).delay(3, 4)
        with InProcessWorker(two) as worker:
            worker.drain()
        assert two.AsyncResult(waiting.id).get(timeout=0) == 7
        assert [item.parcel.id for item in writing.broker.shelf().items("ready")] == [sent.id]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The options that a store of the scheme ``deaf`` was opened with."""
    seen: list[dict[str, Any]] = []
    module = ModuleType("deaf_store")
    vars(module)["open_it"] = lambda _url, options: seen.append(options) or object()
    monkeypatch.setitem(sys.modules, "deaf_store", module)
    entry = importlib.metadata.EntryPoint("deaf", "deaf_store:open_it", "umbel.brokers")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [entry])
    loading._offered.cache_clear()
    yield seen
    loading._offered.cache_clear()


def test_a_store_is_told_how_long_a_connection_may_take(opened: list[dict[str, Any]]) -> None:
    assert Umbel("deaf", broker="deaf://host", set_as_current=False).broker is not None
    late = Umbel("deaf", broker="deaf://host", set_as_current=False, broker_connection_timeout=9)
    assert late.broker is not None
    late.close()
    late.conf.broker_transport_options = {"connection_timeout": 1}
    assert late.broker is not None
    assert [options["connection_timeout"] for options in opened] == [4, 9, 1]
