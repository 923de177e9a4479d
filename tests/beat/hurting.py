"""Real schedulers over a real store: killed, stopped and continued; then every tick is counted."""

from __future__ import annotations

import signal
from contextlib import closing

from tests.support import scale
from tests.support.until import until
from umbel.beat.times import SECOND, tick_id
from umbel.loading import open_broker

INTERVAL = 0.2
PROJECT = """
from umbel import Umbel
from umbel.schedules import every

app = Umbel("shop", broker="{url}")

app.conf.beat_schedule = {{
    "all": {{"task": "shop.count", "schedule": every(seconds={interval}), "catch_up": "all", "catch_up_most": 100000}},
    "bad": {{"task": "shop.count", "schedule": "0 0 31 2 *"}},
}}
"""


class Schedulers:
    """Three of them, and the store that they share."""

    def __init__(self, project, url):
        project.write("shop.py", PROJECT.format(url=url, interval=INTERVAL))
        self.coordinator = open_broker(url, {}).coordinator("shop")
        self.shelf = open_broker(url, {}).shelf()
        self.project = project
        self.processes = {f"b{number}@sim": self.start(number) for number in (1, 2, 3)}

    def start(self, number):
        return self.project.processes.python("-m", "umbel", "-A", "shop", "beat", "-l", "INFO", "-n", f"b{number}@sim")

    def again(self, dead):
        """Start who was killed."""
        name = next(name for name, process in self.processes.items() if process is dead)
        self.processes[name] = self.start(name[1])
        self.processes[name].until_output("leads", timeout=30)  # from then on a signal ends it cleanly

    def leader(self):
        lease = self.coordinator.look().lease
        return self.processes.get(lease.node) if lease and lease.leader else None

    def sent(self):
        """How many ticks the mark says."""
        marks = self.coordinator.look().marks
        return marks["all"].nominal if "all" in marks else 0

    def until_goes_on(self, ticks=5):
        """Until some more were sent."""
        begin = self.sent()
        until(lambda: self.sent() >= begin + ticks * INTERVAL * SECOND, self.project.processes.report, timeout=30)

    def hurt(self, number):
        """Send a signal to the leader, and wait for another one. Returns who it was."""
        hurt = until(self.leader, timeout=30)
        hurt.send(number)
        until(lambda: self.leader() not in (hurt, None), self.project.processes.report, timeout=40)
        self.until_goes_on()
        return hurt

    def finish(self):
        """All of them end cleanly; then each tick is there once."""
        for process in self.processes.values():
            if process.alive:
                assert process.stop(signal.SIGTERM) == 0, process.output()
        last = self.sent()
        with closing(self.shelf), closing(self.coordinator):
            ids, after = [], 0
            while items := self.shelf.items("ready", after=after, limit=1000):
                ids += [item.parcel.id for item in items]
                after = items[-1].tag
        step = int(INTERVAL * SECOND)
        expected = [tick_id("shop", "all", last - number * step) for number in reversed(range(len(ids)))]
        assert sorted(ids) == sorted(expected), "a tick is missing, or is there twice"
        return len(ids)


def kill_and_stop(project, url, *signals):
    """Each leader in turn is stopped, and goes on when it was replaced, or is killed and starts again.

    Returns:
        the number of ticks.
    """
    schedulers = Schedulers(project, url)
    until(schedulers.sent, project.processes.report, timeout=30)
    schedulers.until_goes_on()
    for number in signals * scale.count(full=10, small=1):
        hurt = schedulers.hurt(number)
        if number == signal.SIGSTOP:
            hurt.send(signal.SIGCONT)
            hurt.until_output("this one was silent for too long, and waits", timeout=30)
        else:
            assert hurt.wait() == -signal.SIGKILL
            schedulers.again(hurt)
        schedulers.until_goes_on()
    return schedulers.finish()
