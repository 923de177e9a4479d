"""Row 10: on quorum queues a delay passes no queue twice, needs no worker to be there, and no right to declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.pains.conftest import stores, vhost, written
from tests.support.rabbitmq import RabbitMQ
from tests.support.scale import count
from umbel.exceptions import MaxRetriesExceededError

RETRIES = count(full=10, small=4)


@stores("quorum")
@pytest.mark.long
def test_many_retries_through_the_same_rung_and_a_queue_that_nobody_declared(
    pains: Any, start: Callable[..., Any], rabbitmq: RabbitMQ, store: str, tmp_path: Path
) -> None:
    elsewhere = pains.add.apply_async((1, 2), countdown=1.1, queue="elsewhere")
    start("-c", "2", "-Q", "jobs,elsewhere")
    tries = tmp_path / "tries"
    result = pains.retrying.delay(str(tries), countdown=1.1, times=RETRIES)
    assert elsewhere.get(timeout=20) == 3
    with pytest.raises((MaxRetriesExceededError, ValueError)):
        result.get(timeout=20 + 5 * RETRIES)
    assert len(tries.read_text().split()) == RETRIES + 1
    kinds = rabbitmq.ctl("list_queues", "-p", vhost(store), "name", "type")
    assert "jobs\tquorum" in kinds
    assert "elsewhere\tquorum" in kinds


@stores("quorum")
def test_a_user_who_may_declare_nothing(
    pains: Any, start: Callable[..., Any], project: Project, rabbitmq: RabbitMQ, store: str, tmp_path: Path
) -> None:
    """What is there was made by somebody else, who has gone."""
    worker = start("-c", "1")
    assert pains.add.apply_async((1, 2), countdown=1.1).get(timeout=20) == 3
    assert worker.stop() == 0
    rabbitmq.eval(
        'ok = rabbit_auth_backend_internal:add_user(<<"row10">>, <<"pw">>, <<"tests">>),'
        f'ok = rabbit_auth_backend_internal:set_permissions(<<"row10">>, <<"{vhost(store)}">>,'
        ' <<"^$">>, <<".*">>, <<".*">>, <<"tests">>).'
    )
    project.write("pains.py", written(store.replace("guest:guest", "row10:pw")))
    tries = tmp_path / "tries"
    worker = start("-c", "1")
    said = project.client(
        f"""
        import pains
        later = pains.add.apply_async((2, 3), countdown=1.1)
        print(repr(pains.retrying.delay({str(tries)!r}, countdown=1.1, times=1).get(timeout=20, propagate=False)))
        print(later.get(timeout=20))
        """
    )
    assert said.stdout.split("\n")[1:2] == ["5"], said
    assert len(tries.read_text().split()) == 2
    assert worker.output().count("Remote control cannot reach this worker") == 1
    assert worker.stop() == 0
