"""Tasks with a strategy of their own, over RabbitMQ: what a child keeps is another's when that child ends."""

from __future__ import annotations

from tests.support.until import until
from tests.worker.test_gathering import Bundle, numbers
from umbel import Umbel
from umbel.ids import new_id
from umbel.testing.worker import InProcessWorker


def test_calls_are_gathered_and_run_together(url):
    seen = []
    with Umbel("gathering", broker=url, backend=f"memory://{new_id()}", set_as_current=False) as app:
        many = app.task(base=Bundle, name="many")(lambda bundle: seen.append(numbers(bundle)))
        for number in range(4):
            many.delay(number)

        def run(worker, calls: int) -> bool:
            worker.drain()
            return sum(map(len, seen)) == calls

        with InProcessWorker(app, pool="solo") as worker:
            until(lambda: run(worker, 3), lambda: f"three are run: {seen}", timeout=30)
        assert seen == [[0, 1, 2]]
        for number in (4, 5):
            many.delay(number)
        with InProcessWorker(app, pool="solo") as worker:  # the server says of one that it was somebody else's before
            until(lambda: run(worker, 6), lambda: f"the others are run: {seen}", timeout=30)
    assert sorted(number for bundle in seen for number in bundle) == [0, 1, 2, 3, 4, 5]
