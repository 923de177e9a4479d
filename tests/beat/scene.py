"""Schedulers in simulated time: clocks that are moved, processes that are killed and paused at any call."""

from __future__ import annotations

import itertools
import random
from contextlib import closing
from functools import partial

from umbel.adapters.memory import MemoryBroker, MemoryStore
from umbel.beat import Beat
from umbel.beat.times import SECOND
from umbel.message import Parcel
from umbel.schedules import read_entries

NOON = 1_800_000_000.0


class Hands:
    """The clocks of one machine: the simulation's, put by some seconds."""

    def __init__(self, world, ahead=0.0):
        self.world, self.ahead = world, ahead

    def wall(self):
        return self.world.now + self.ahead

    def monotonic(self):
        return self.world.now - NOON + 1000


class Sender:
    """Messages that say which tick they are; tasks that run for as long as a test says."""

    def __init__(self):
        self.doings = {}
        self.cancelled = []

    def compose(self, entry, task_id, nominal):
        if entry.task == "broken":
            raise TypeError("this argument cannot travel")
        return [Parcel("q", task_id, entry.task, b"{}", f"{entry.name}|{nominal}".encode())]

    def doing(self, task_id):
        return self.doings.get(task_id, "")

    def cancel(self, task_id):
        self.cancelled.append(task_id)

    def sent(self, parcels):
        pass


class World:
    """One store, and schedulers over it."""

    def __init__(self, entries, seed=0, broker=None):
        self.now = NOON
        self.random = random.Random(seed)
        self.broker = broker or MemoryBroker(MemoryStore())
        self.entries, self.bad = read_entries(entries)
        self.sender = Sender()
        self.changes = None
        self.opened = []
        self.alive = {}
        self.wakes = {}
        self.names = itertools.count(1)
        self.chaos = 0.0
        self.depth = 0

    def start(self, ahead=0.0):
        """One more scheduler, on a machine whose clock is that much ahead."""
        name = f"beat{next(self.names)}@sim"
        coordinator = self.coordinator(name)
        self.alive[name] = Beat(
            coordinator, self.entries, self.sender, scope="shop", node=name, hands=Hands(self, ahead),
            changes=self.changes and self.changes(),
        )  # fmt: skip
        self.wakes[name] = self.now
        return name

    def coordinator(self, name):
        """What a scheduler has of the store."""
        return Slippery(self, name, self.held(self.broker.coordinator("shop")))

    def held(self, coordinator):
        """Closed at the end."""
        self.opened.append(coordinator)
        return coordinator

    def close(self):
        for coordinator in self.opened:
            coordinator.close()

    def kill(self, name):
        del self.alive[name], self.wakes[name]

    def run(self, seconds, without=()):
        """Let time pass; ``without`` are paused."""
        end = self.now + seconds
        while True:
            awake = [name for name in self.alive if name not in without]
            name = min(awake, key=self.wakes.__getitem__, default=None)
            if name is None or self.wakes[name] > end:
                self.now = end
                return
            self.now = max(self.now, self.wakes[name])
            try:
                pause = self.alive[name].step()
            except Killed:
                continue
            if name in self.alive:
                self.wakes[name] = self.now + max(pause, 0.0001)

    def sent(self, entry):
        """Nominal times of the messages of an entry, in seconds after noon, in the order in which they were sent."""
        return [int(nominal) / SECOND - NOON for name, nominal, _ in self.messages() if name == entry]

    def messages(self):
        """Entry, nominal time and id of each message, oldest first."""
        with closing(self.broker.shelf()) as shelf:
            return [
                (*item.parcel.body.decode().split("|"), item.parcel.id) for item in shelf.items("ready", limit=100_000)
            ]

    def history(self, entry):
        with closing(self.broker.coordinator("shop")) as coordinator:
            return coordinator.history(entry)

    def leader(self):
        with closing(self.broker.coordinator("shop")) as coordinator:
            lease = coordinator.look().lease
        return lease.node if lease and lease.leader else None


class Killed(Exception):
    pass


class Slippery:
    """The store as one scheduler sees it: at any call its process may be paused or killed, before it or after it."""

    def __init__(self, world, name, real):
        self.world, self.name, self.real = world, name, real

    def lead(self, *args):
        return self._call(self.real.lead, *args)

    def fire(self, *args, **more):
        return self._call(partial(self.real.fire, **more), *args)

    def look(self):
        return self._call(self.real.look)

    def resign(self, *args):
        return self.real.resign(*args)

    def _call(self, method, *args):
        self._slip()
        answer = method(*args)
        self._slip()
        return answer

    def _slip(self):
        world = self.world
        if world.random.random() >= world.chaos or world.depth > 2:
            return
        if world.random.random() < 0.5:
            world.kill(self.name)
            world.wakes[world.start(world.random.uniform(-3, 3))] += world.random.uniform(0, 5)
            raise Killed
        world.depth += 1
        paused = world.__dict__.setdefault("paused", set())
        paused.add(self.name)
        world.run(world.random.uniform(0.5, 25), without=frozenset(paused))
        paused.discard(self.name)
        world.depth -= 1
