"""Row 41: RabbitMQ 4 refuses a prefetch count for a whole channel, and queues that are neither durable nor exclusive;
nothing of umbel asks for them, whatever it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.pains.conftest import stores, vhost
from tests.support.rabbitmq import RabbitMQ
from umbel.control import Control


@pytest.fixture
def settings() -> dict[str, Any]:
    """Results come over RabbitMQ too."""
    return {"results": "rpc://"}


@stores("rabbitmq")
@pytest.mark.long
def test_work_control_delays_revocations_and_answers(
    pains: Any, start: Callable[..., Any], rabbitmq: RabbitMQ, store: str
) -> None:
    start("-c", "1", "-E", "-n", "one@here")
    later = pains.add.apply_async((2, 3), countdown=1.1)
    assert pains.add.delay(1, 2).get(timeout=20) == 3
    with Control(pains.app) as control:
        assert len(control.ping(["one@here"], timeout=20)) == 1
        control.revoke("another")
        assert later.get(timeout=20) == 5
        counts = rabbitmq.eval("lists:usort(rabbit_channel:info_all([global_prefetch_count])).")
        place = f'<<"{vhost(store)}">>'
        queues = int(rabbitmq.eval(f"length(rabbit_amqqueue:list({place}))."))
        refused = rabbitmq.eval(
            f"[amqqueue:get_name(Queue) || Queue <- rabbit_amqqueue:list({place}), "
            "not amqqueue:is_durable(Queue), amqqueue:get_exclusive_owner(Queue) =:= none]."
        )
    assert counts == "[[{global_prefetch_count, 0}]]"
    assert queues > 5
    assert refused == "[]"
