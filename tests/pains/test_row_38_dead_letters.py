"""Row 38: what keeps failing ends in the dead letters after exactly so many tries, and a replay runs it once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.until import until
from umbel.exceptions import MaxRetriesExceededError
from umbel.message import Parcel

both = stores("sqlite", "redis")


@both
def test_a_crashing_task_can_be_replayed_once_it_is_mended(
    pains: Any, start: Callable[..., Any], tmp_path: Path
) -> None:
    start("-c", "1")
    tries = tmp_path / "tries"
    result = pains.die.delay(str(tries))
    (item,) = until(lambda: pains.shelf().items("dead"), timeout=20)
    assert len(tries.read_text().split()) == 3
    mended = json.dumps([[str(tmp_path / "none"), "try", False], {}, {}]).encode()
    assert pains.shelf().replay([item.tag], body=mended) == 1
    until((tmp_path / "none").exists, timeout=20)
    until(lambda: not pains.shelf().counts(), timeout=20)
    assert (tmp_path / "none").read_text().split() == ["try"]
    assert result.state == "SUCCESS"


@stores("sqlite", "redis", "rabbitmq")
def test_an_unreadable_message_is_kept_with_its_reason(pains: Any, start: Callable[..., Any]) -> None:
    headers = {"lang": "py", "task": "pains.add", "id": "spoiled", "eta": None, "retries": 0}
    properties = {"correlation_id": "spoiled", "delivery_info": {"exchange": "", "routing_key": "celery"}}
    head = {"headers": headers, "properties": properties, "content-type": "application/json",
            "content-encoding": "utf-8"}  # fmt: skip
    publisher = pains.app.broker.publisher()
    publisher.publish([Parcel("celery", "spoiled", "pains.add", json.dumps(head).encode(), b"\xff not json")])
    publisher.close()
    start("-c", "1")
    (item,) = until(lambda: pains.shelf().items("dead"), timeout=20)
    assert "body cannot be read" in item.reason
    assert item.parcel.body == b"\xff not json"
    assert pains.add.delay(1, 2).get(timeout=20) == 3


@stores("sqlite", "redis", "quorum")
def test_retries_end_after_exactly_max_retries(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    start("-c", "1")
    tries = tmp_path / "tries"
    with pytest.raises((MaxRetriesExceededError, ValueError)):
        pains.retrying.delay(str(tries)).get(timeout=20)
    assert len(tries.read_text().split()) == 4, "one run and three retries"
