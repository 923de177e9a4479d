"""The scene of one check: parts opened on a fresh store, workers, a clock that jumps, and short words for all of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

from ... import clock, ids
from ...backend import Backend, Watch
from ...broker import (
    Abilities,
    Broker,
    Control,
    Death,
    Owner,
    Owners,
    Part,
    Place,
    Publisher,
    Revocation,
    Shelf,
    Turn,
    Want,
)
from ...message import Delivery, Parcel
from ...outcome import Bury, Outcome
from ...record import Record
from ...testing.clock import moved_clock
from .lab import Lab

Found = TypeVar("Found")
HEAD = b'{"headers":{}}'


Closable = TypeVar("Closable", bound=Part)


def names(deliveries: list[Delivery]) -> list[str]:
    """The task ids of deliveries: the suite writes the id into the body."""
    return [delivery.body.decode() for delivery in deliveries]


def record(task_id: str, status: str, expires: float = 0.0) -> Record:
    """A record whose document says what it is."""
    return Record(task_id, status, f"{task_id} {status}".encode(), expires)


class Worker:
    """A living owner and its consumer."""

    def __init__(self, scene: Scene, owner: Owner) -> None:
        self.owner = owner
        self.consumer = scene.opened(scene.broker().consumer(owner))
        self._patience = scene.lab.patience / 5 if scene.abilities.rescue == "server" else 0.0

    @property
    def nonce(self) -> int:
        return self.owner.nonce

    def turn(self, *outcomes: Outcome, limit: int = 100, queues: tuple[str, ...] = ("q",)) -> Turn:
        """Settle and claim."""
        return self.consumer.turn(outcomes, Want(queues, limit))

    def claim(self, limit: int = 100, *queues: str, least: int = 1) -> list[Delivery]:
        """Claim from these queues, "q" unless named; where a server takes work back by itself, and pushes what it has,
        ``least`` messages get their time to come.
        """
        wanted = queues or ("q",)
        deliveries = self.turn(limit=limit, queues=wanted).deliveries
        until = time.monotonic() + self._patience
        while len(deliveries) < least and (left := until - time.monotonic()) > 0:
            self.consumer.wait(wanted, left, -1)
            deliveries = [*deliveries, *self.turn(limit=limit - len(deliveries), queues=wanted).deliveries]
        return deliveries

    def take(self) -> Delivery:
        """Claim the one message that is next; that it is there is part of the check."""
        deliveries = self.claim(1)
        assert len(deliveries) == 1, "a message that should be ready was not claimable"
        return deliveries[0]

    def revision(self, least: int) -> int:
        """What a turn says of the revocation log; where a server pushes that log, it gets the time to come so far."""
        until = time.monotonic() + self._patience
        while (found := self.turn().revision) < least and time.monotonic() < until:
            pass
        return found

    def settle(self, *outcomes: Outcome) -> list[Outcome]:
        """Settle without claiming; returns what was fenced."""
        return self.consumer.turn(outcomes, None).fenced


class Scene:
    """Opened parts of one store, and the clock. A part of it is used by the check's own thread only."""

    def __init__(self, lab: Lab, hands: Any) -> None:
        self.lab = lab
        self.hands = hands
        self._parts: list[Part] = []
        self._background: list[tuple[Future[Any], int]] = []
        self._threads = ThreadPoolExecutor(16)
        self._over = threading.Event()
        self._descriptors: list[int] = []

    # parts

    def broker(self) -> Broker:
        """Another broker object."""
        return self.lab.broker()

    def opened(self, part: Closable) -> Closable:
        """Remember a part, to be closed with the scene."""
        self._parts.append(part)
        return part

    @cached_property
    def abilities(self) -> Abilities:
        return self.broker().abilities

    @cached_property
    def publisher(self) -> Publisher:
        return self.opened(self.broker().publisher())

    @cached_property
    def owners(self) -> Owners:
        return self.opened(self.broker().owners())

    @cached_property
    def control(self) -> Control:
        return self.opened(self.broker().control())

    @cached_property
    def shelf(self) -> Shelf:
        return self.opened(self.broker().shelf())

    @cached_property
    def backend(self) -> Backend:
        return self.opened(self.lab.backend())

    # messages

    def parcel(self, task_id: str, *, queue: str = "q", priority: int = 0, due: float = 0.0) -> Parcel:
        """A message whose body is its id; ``priority`` is from 0 to 9, the most urgent, on whatever store."""
        return Parcel(queue, task_id, "suite.task", HEAD, task_id.encode(), self.number(priority), due)

    def number(self, priority: int) -> int:
        """What this store calls a priority. One that tells less than ten apart has at least 0, 3, 5 and 9."""
        numbers = self.abilities.priorities
        return numbers[-1 - priority * len(numbers) // 10]

    def publish(self, *task_ids: str, queue: str = "q", priority: int = 0, due: float = 0.0) -> None:
        """Publish messages in one call, in this order."""
        self.publisher.publish([self.parcel(i, queue=queue, priority=priority, due=due) for i in task_ids])

    def place_of(self, task_id: str) -> Place | None:
        """Where the one message of this id is, None when it is gone."""
        items = self.shelf.find(task_id)
        assert len(items) <= 1, f"{task_id} is stored {len(items)} times"
        return items[0].place if items else None

    def expect_place(self, task_id: str, place: Place | None) -> None:
        """Where the one message of this id is, None for gone. Says nothing about places that a store cannot list."""
        if place is not None and place not in self.abilities.listed:
            return
        found = self.place_of(task_id)
        assert found == place

    def expect_state(self, task_id: str, status: str | None) -> None:
        """The stored state of a task, None for no state. Says nothing about a store that keeps no results."""
        if self.abilities.results:
            stored = self.backend.fetch([task_id]).get(task_id)
            assert (stored.status if stored else None) == status

    def watch(self, *task_ids: str) -> Watch:
        """A watch on these ids."""
        watch = self.opened(self.backend.watch())
        watch.add(task_ids)
        return watch

    # workers

    def owner(self, node: str = "worker@suite") -> Owner:
        """Somebody new, who does not live yet."""
        return Owner(ids.nonce(), node, os.getpid(), "child", clock.wall(), {"pool": "inline"})

    def worker(self, node: str = "worker@suite") -> Worker:
        """A living worker."""
        owner = self.owner(node)
        self.lab.enlist(owner)
        return Worker(self, owner)

    def kill(self, worker: Worker) -> None:
        """End it by SIGKILL; nobody has noticed yet."""
        self.lab.kill(worker.owner)

    def lose(self, worker: Worker) -> int:
        """Its whole node dies: nobody survives to report, others find its work."""
        self.kill(worker)
        return self.owners.rescue()

    def report(
        self, worker: Worker, *started: Delivery, counts: bool = True, verdicts: dict[int, str] | None = None
    ) -> int:
        """Its supervisor saw it die, and says what it was running."""
        self.kill(worker)
        tags = tuple(delivery.tag for delivery in started)
        return self.owners.rescue([Death(worker.nonce, tags, "killed by SIGKILL", verdicts or {}, counts)])

    def bury(self, worker: Worker, delivery: Delivery) -> None:
        """Into the dead letters."""
        assert worker.settle(Bury(delivery, reason="poison")) == []

    def one_in_every_place(self) -> None:
        """Four messages of queue "q", each named after the place where it is."""
        worker = self.worker()
        self.publish("dead", "leased")
        dead, _ = worker.claim(2, least=2)
        self.bury(worker, dead)
        self.publish("delayed", due=clock.wall() + 60)
        self.publish("ready")

    # housekeeping

    def revoke(self, task_id: str, *, expires: float) -> None:
        """Revoke one task."""
        self.control.revoke([Revocation(task_id, expires=expires)])

    def tidy(self, **limits: float) -> int:
        """Tidy until there is nothing left to do; returns how many rows went."""
        removed = 0
        for _ in range(1000):
            step = self.owners.tidy(limits)
            removed += step
            if not step:
                return removed
        raise AssertionError("tidy() removed something a thousand times")

    # threads

    def pipe(self) -> tuple[int, int]:
        """A pipe to read from and write to, closed with the scene."""
        ends = os.pipe()
        self._descriptors += ends
        return ends

    def start(self, function: Callable[[int], Found]) -> Future[Found]:
        """Run ``function(wake)`` in a thread; ``wake`` becomes readable when the scene is closed."""
        wake, ring = os.pipe()
        future = self._threads.submit(_and_close, function, wake)
        self._background.append((future, ring))
        return future

    def start_sleeper(self, function: Callable[[int, Callable[[], None]], Found]) -> Future[Found]:
        """Run ``function(wake, ready)`` in a thread; it calls ``ready`` when it is about to sleep.

        The thread sleeps when this returns, as far as one can know: too short a moment makes a check weaker, not wrong.
        """
        ready = threading.Event()

        def run(wake: int) -> Found:
            try:
                return function(wake, ready.set)
            finally:
                ready.set()

        future = self.start(run)
        assert ready.wait(60), "the thread never came to the point where it sleeps"
        threading.Event().wait(min(0.05, self.lab.patience / 50))
        return future

    def start_idle_worker(self, *queues: str) -> Future[list[Delivery]]:
        """A worker's idle loop: claim, and wait when there is nothing."""
        wanted = queues or ("q",)

        def loop(wake: int, ready: Callable[[], None]) -> list[Delivery]:
            worker = self.worker()
            for _ in range(1000):
                deliveries = worker.claim(1, *wanted)
                if deliveries or self._over.is_set():
                    return deliveries
                ready()
                worker.consumer.wait(wanted, self.lab.patience * 4, wake)
            raise AssertionError("wait() returned a thousand times and there was nothing to claim")

        return self.start_sleeper(loop)

    def start_watcher(self, *task_ids: str, wake: int = -1) -> Future[bool]:
        """A reader that waits for these ids, or for a descriptor of the check."""

        def read(own: int, ready: Callable[[], None]) -> bool:
            watch = self.opened(self.lab.backend()).watch()
            watch.add(task_ids)
            ready()
            woken = watch.wait(self.lab.patience * 4, own if wake < 0 else wake)
            watch.close()
            return woken

        return self.start_sleeper(read)

    def result(self, future: Future[Found]) -> Found:
        """What a thread returned, which should happen at once."""
        done, _ = wait_for([future], self.lab.patience)
        assert done, f"nothing woke a sleeper within {self.lab.patience:g} s"
        return future.result()

    def close(self) -> None:
        """End the threads, then close the parts."""
        self._over.set()
        for future, ring in self._background:
            with suppress(BrokenPipeError):
                os.write(ring, b"!")
            wait_for([future])
            os.close(ring)
        self._threads.shutdown()
        for part in reversed(self._parts):
            part.close()
        for descriptor in self._descriptors:
            os.close(descriptor)


def _and_close(function: Callable[[int], Found], wake: int) -> Found:
    try:
        return function(wake)
    finally:
        os.close(wake)


@contextmanager
def opened_scene(lab: Lab) -> Iterator[Scene]:
    """A scene on a lab, with the clock in the test's hands."""
    with moved_clock() as hands:
        scene = Scene(lab, hands)
        try:
            yield scene
        finally:
            scene.close()
