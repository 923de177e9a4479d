"""Schedulers over RabbitMQ, which keeps no marks: the result store does, and the claims by which a tick runs once."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from tests.beat.hurting import INTERVAL, Schedulers
from tests.beat.overlapping import check_overlaps
from tests.support import scale
from tests.support.servers import redis_server
from tests.support.until import until
from umbel import Umbel
from umbel.beat.sending import AppSender
from umbel.beat.times import SECOND, tick_id
from umbel.coordinator import Candidate, Tick
from umbel.schedules import read_entries

PROJECT = """
import os

from umbel import Umbel
from umbel.adapters.redis.coordinator import RedisCoordinator
from umbel.schedules import every

app = Umbel("shop", broker="{url}", backend="{results}")


@app.task(name="shop.count", bind=True, ignore_result=True)
def count(self):
    with open("ran", "a") as file:
        print(self.request.id, file=file)


app.conf.beat_schedule = {{
    "all": {{"task": "shop.count", "schedule": every(seconds={interval}), "catch_up": "all", "catch_up_most": 100000}},
}}

note = RedisCoordinator.fire


def fire(self, *step, **options):
    # Behind the sending and before the note, who finds an order sends himself the signal that it names.
    try:
        os.rename("order", "obeyed")
    except FileNotFoundError:
        pass
    else:
        os.kill(os.getpid(), int(open("obeyed").read()))
    return note(self, *step, **options)


RedisCoordinator.fire = fire
"""


class Beside(Schedulers):
    """Schedulers whose store is that of the results."""

    def __init__(self, project, url, results):
        self.project = project
        project.write("shop.py", PROJECT.format(url=url, results=results, interval=INTERVAL))
        self.coordinator = Umbel("shop", broker=url, backend=results).coordinator()
        self.processes = {f"b{number}@sim": self.start(number) for number in (1, 2, 3)}

    def hurt(self, number):
        """Have the leader hurt itself where it hurts most, and wait for another one. Returns who it was."""
        hurt = until(self.leader, timeout=30)
        order = self.project.folder / "order.new"
        order.write_text(str(int(number)))
        order.rename(order.with_name("order"))
        until(lambda: self.leader() not in (hurt, None), self.project.processes.report, timeout=40)
        self.until_goes_on()
        return hurt


@pytest.mark.chaos
@scale.limit(90)
def test_each_tick_runs_once_over_leaders_that_are_killed_and_stopped(project, url, tmp_path, tmp_path_factory):
    """Each of them between the sending of a tick and the note, so its follower sends that tick again. Row 23 of
    tests/pains.
    """
    with redis_server(tmp_path_factory.mktemp("redis")) as results:
        schedulers = Beside(project, url, results.url)
        workers = [project.worker("shop", "-c", "2", "-l", "INFO", "-n", f"w{number}@here") for number in (1, 2)]
        until(schedulers.sent, project.processes.report, timeout=30)
        schedulers.until_goes_on()
        signals = (signal.SIGKILL, *[signal.SIGSTOP] * bool(scale.factor()))
        for number in signals * scale.count(full=10, small=1):
            hurt = schedulers.hurt(number)
            if number == signal.SIGSTOP:
                hurt.send(signal.SIGCONT)
            else:
                schedulers.again(hurt)
            schedulers.until_goes_on()
        for process in schedulers.processes.values():
            assert not process.alive or process.stop(signal.SIGTERM) == 0
        last, step = schedulers.sent(), int(INTERVAL * SECOND)
        schedulers.coordinator.close()

        def ran():
            return Counter((tmp_path / "ran").read_text().split())

        until(lambda: tick_id("shop", "all", last) in ran(), project.processes.report, timeout=30)
        assert [worker.stop() for worker in workers] == [0, 0]
    dropped = "".join(worker.output() for worker in workers).count("a second message of it is dropped")
    assert dropped >= len(signals), "no tick was sent twice, so nothing was shown"
    expected = [tick_id("shop", "all", last - number * step) for number in range(len(ran()))]
    assert len(expected) > 30
    assert ran() == Counter(expected), "a tick is missing, or ran twice"


def test_overlaps(project, url, tmp_path):
    """Nobody can look into a queue: claims, results and what is known of the queue say whether the last one goes on."""
    check_overlaps(project, url, f"sqlite:///{tmp_path}/results.db")


def test_a_tick_that_was_sent_twice_runs_once(project, url, tmp_path):
    """The leader died behind the sending: its follower sends it again, and the worker knows its end."""
    results = f"sqlite:///{tmp_path}/results.db"
    project.write("shop.py", PROJECT.format(url=url, results=results, interval=3600))
    worker = project.worker("shop", "-c", "1", "-l", "INFO")
    with Umbel("shop", broker=url, backend=results) as app:
        (entry,) = read_entries({"all": {"task": "shop.count", "schedule": 1.0}})[0].values()
        (parcel,) = AppSender(app).compose(entry, "the-tick", 10)
        assert b'"umbel-once":true' in parcel.head
        coordinator = app.coordinator()
        term = coordinator.lead(Candidate(1, "one@here"), None, 1.0).term
        assert coordinator.fire(term, [Tick("all", 0, 10, "sent", 1.0, parcels=(parcel,))]) is True
        worker.until_output("Task shop.count[the-tick] succeeded", timeout=30)
        assert coordinator.fire(term, [Tick("all", 0, 10, "sent", 1.0, parcels=(parcel,))]) is False
        app.publish([parcel])
        worker.until_output("Task the-tick has ended: a second message of it is dropped", timeout=30)
        coordinator.close()
    assert (tmp_path / "ran").read_text().split() == ["the-tick"]
