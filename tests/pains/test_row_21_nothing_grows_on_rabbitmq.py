"""Row 21 on RabbitMQ: callers that die in the middle of a question leave no queue and no connection, and a process has
a fixed number of connections.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from tests.pains.conftest import stores, vhost
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel.control import Control

ASK = """
import pains
from umbel.control import Control
control = Control(pains.app)
control.ping(timeout=0.2)
print("asks", flush=True)
while True:
    control.ping(timeout=0.2)
"""


@stores("rabbitmq")
def test_queues_and_connections(
    pains: Any, start: Callable[..., Any], project: Any, rabbitmq: RabbitMQ, store: str
) -> None:
    def there() -> tuple[str, int]:
        """How many queues, with a hash of their names, and how many connections."""
        names = f'lists:sort(rabbit_amqqueue:list_names(<<"{vhost(store)}">>))'
        queues = rabbitmq.eval(f"{{length({names}), erlang:phash2({names})}}.")
        return queues, int(rabbitmq.eval("length(rabbit_networking:connections())."))

    worker = start("-c", "2", "-n", "one@here")
    assert pains.add.delay(0, 0).get(timeout=20) == 0
    with Control(pains.app) as control:
        assert len(control.ping(["one@here"], timeout=20)) == 1
    before = there()
    for _ in range(3):
        results = pains.add.delay_many([(number, number) for number in range(100)])
        assert [result.get(timeout=20) for result in results] == [2 * number for number in range(100)]
    asking = [project.processes.python("-c", ASK) for _ in range(2)]
    for each in asking:
        each.until_output("asks")
    assert there()[1] > before[1]
    for each in asking:
        each.stop(signal.SIGKILL)
    until(lambda: there() == before, lambda: f"{there()} after {before}", timeout=30)
    assert worker.alive
