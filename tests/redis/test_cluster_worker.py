"""Real workers over a cluster: a task and its result, a slot that moves under load, a master killed under it."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from tests.support import clusters, scale
from tests.support.shop import noted
from tests.support.until import until
from umbel.adapters.redis import open_backend
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.slots import slot
from umbel.exceptions import OperationalError

APP = """
    import time
    from umbel import Umbel

    app = Umbel("shop", broker={url!r}, backend={url!r})
    app.conf.broker_transport_options = {options!r}
    app.conf.result_backend_transport_options = {options!r}

    @app.task
    def add(x, y):
        return x + y

    @app.task
    def total(values):
        return sum(values)

    @app.task(bind=True, max_retries=2)
    def again(self):
        if self.request.retries < 2:
            raise self.retry(countdown=0.2)
        return "at last"

    @app.task
    def note(path, number):
        with open(path, "a") as file:
            file.write(f"{{number}}\\n")
        time.sleep(0.005)
        return number
"""


class Shop:
    """The project, its store, and what was done."""

    def __init__(self, project, url, **options):
        self.project, self.url, self.options = project, url, options
        self.path = project.folder / "done"
        self.confirmed = []
        self.broker = open_broker(url, options)
        project.write("shop.py", APP.format(url=url, options=options))

    def worker(self):
        worker = self.project.forked_worker("shop", "-c", "2", "-l", "info")
        worker.until_output("ready.", timeout=30)
        return worker

    def send(self, total):
        """Numbers from 0, each confirmed."""
        with closing(self.broker.publisher()) as publisher:
            for first in range(0, total, 100):
                publisher.publish([noted(number, self.path) for number in range(first, min(first + 100, total))])

    def send_on(self, numbers):
        """One after the other, each sent again until it is confirmed, which is noted."""
        with closing(self.broker.publisher()) as publisher:
            for number in numbers:
                parcel = noted(number, self.path)
                deadline = time.monotonic() + 60
                while True:
                    try:
                        publisher.publish([parcel])
                        self.confirmed.append(parcel.id)
                        break
                    except OperationalError:
                        if time.monotonic() > deadline:
                            raise

    def ran(self):
        """Every run, a number for each."""
        return list(map(int, self.path.read_text().split())) if self.path.exists() else []

    def settled(self, total):
        """Wait until all have run, all have their results, and the store is empty."""
        until(lambda: len(set(self.ran())) == total, lambda: f"{len(set(self.ran()))} of {total} ran", timeout=90)
        with closing(self.broker.shelf()) as shelf:
            until(lambda: shelf.counts() == [], lambda: str(shelf.counts()), timeout=60)
        with closing(open_backend(self.url, self.options)) as backend:
            found = backend.fetch([f"n{number}" for number in range(total)])
        assert {record.status for record in found.values()} == {"SUCCESS"}
        assert len(found) == total


def test_tasks_run_and_results_come_back(project, cluster_url):
    worker = Shop(project, cluster_url).worker()
    said = project.client(
        "from umbel import chord\nfrom shop import add, again, total\n"
        "print(sum(add.delay(n, n).get(timeout=20) for n in range(20)))\n"
        "print(again.delay().get(timeout=20))\n"
        "print(chord(add.s(n, n) for n in range(5))(total.s()).get(timeout=20))"
    )
    assert said.stdout.split("\n")[:3] == ["380", "at last", "20"], said
    assert worker.stop() == 0


@pytest.mark.chaos
@scale.limit(180)
def test_a_slot_that_moves_while_a_worker_drains_it(project, cluster, cluster_url):
    """Nothing is lost, and nothing runs twice: what could not be done waited, and what was done is known."""
    total = scale.count(full=5_000, small=500)
    shop, number = Shop(project, cluster_url, global_keyprefix="moving:"), slot("{moving}")
    home = cluster.master_of(number)
    there = next(server for server in cluster.masters_now() if server is not home)
    shop.send(total)
    worker = shop.worker()
    try:
        for target in (there, home):
            seen = len(shop.ran())
            until(lambda seen=seen: len(shop.ran()) >= min(seen + 50, total), worker.output, timeout=60)
            assert list(cluster.move(number, target))[-1] == "over"
        shop.settled(total)
    finally:
        if cluster.master_of(number) is not home:
            list(cluster.move(number, home))
    print(f"{total} ran, {len(shop.ran()) - total} again, over two moves of the slot")
    assert len(shop.ran()) == total, worker.output()


@pytest.mark.chaos
@scale.limit(240)
def test_a_master_that_is_killed_while_a_worker_drains_it(project, cluster, cluster_url):
    """All that was sent with a replica waited for runs, also what is sent meanwhile. What the replica had not heard of
    claims and outcomes runs again.
    Row 14 of tests/pains.
    """
    total = scale.count(full=5_000, small=500)
    shop = Shop(project, cluster_url, wait_replicas=1)
    shop.send(total // 2)
    worker = shop.worker()
    sender = threading.Thread(target=shop.send_on, args=(range(total // 2, total),))
    killed = cluster.master_of(clusters.STORE)
    heir = next(server for server in cluster.servers if server not in cluster.masters_now())
    only_one = f"redis+cluster://127.0.0.1:{killed.port}"
    with closing(Link(Address.parse(only_one, {}))) as link:
        link.call("SET", "{umbel}:word", "before")
        until(lambda: len(shop.ran()) >= 100, worker.output, timeout=60)
        sender.start()
        until(lambda: len(shop.confirmed) >= 20)
        killed.kill()
        link.call("SET", "{umbel}:word", "after", timeout=60)  # one call, which waits for the failover
    assert cluster.master_of(clusters.STORE) is heir
    killed.start()  # and is a replica now: without one nothing more is confirmed
    until(cluster.is_whole, cluster.told, timeout=60)
    sender.join(120)
    assert len(shop.confirmed) == total - total // 2
    shop.settled(total)
    print(f"{total} confirmed, {len(shop.ran()) - total} ran again, over a failover")
