"""A process beside the check's own: opens the same store, and does what it is told over a pipe.

It reads one JSON list a line, [name, argument...], calls the method of that name and writes its answer as one line.
`Neighbour` is the other end.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Final

from ... import ids, loading
from ...backend import Backend
from ...broker import Broker, Owner, Revocation, Want
from ...message import Delivery, Parcel
from ...outcome import Done
from ...record import Record

STRETCH: Final = 0.2
"""Seconds for which a computing process keeps its interpreter's lock, again and again: each time its other thread is
somewhere else in its work.
"""


class Neighbour:
    """The check's end of the pipe.

    Args:
        opener: "module:function" that opens the store's broker, called with (url, options).
        backend: the same for its backend.
        url: of the store.
    """

    def __init__(self, opener: str, backend: str, url: str) -> None:
        command = [sys.executable, "-m", __name__, opener, backend, url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        self.nonce: int = self.ask("who")

    def tell(self, name: str, *arguments: object) -> None:
        """Let it do something, without waiting for the answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """The next answer."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the neighbour's process ended before it answered; its own error stands above"
        return json.loads(line)

    def ask(self, name: str, *arguments: object) -> Any:
        """Let it do something; returns the answer."""
        self.tell(name, *arguments)
        return self.answer()

    def kill(self) -> None:
        """SIGKILL, and wait until the system has cleared it away."""
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        """SIGSTOP: it lives and does nothing."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def wake(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait(30)


class Life:
    """What the neighbour's process can do. It is a living owner from its start to its end."""

    def __init__(self, broker: Broker, backend: Backend) -> None:
        self.owner = Owner(ids.nonce(), "neighbour@suite", os.getpid(), "child", time.time())
        self.owners = broker.owners()
        self.owners.enlist(self.owner)
        self.broker = broker
        self.backend = backend
        self.consumer = broker.consumer(self.owner)
        self.publisher = broker.publisher()
        self.control = broker.control()
        self.held: list[Delivery] = []
        self.noise: list[Delivery] = []

    def who(self) -> int:
        """Its nonce."""
        return self.owner.nonce

    def publish(self, queue: str, *task_ids: str) -> None:
        """Publish in one call."""
        self.publisher.publish([Parcel(queue, each, "suite.task", b"{}", each.encode()) for each in task_ids])

    def claim(self, limit: int) -> list[str]:
        """Claim and hold."""
        claimed = self.consumer.turn([], Want(("q",), limit)).deliveries
        self.held += claimed
        return [delivery.body.decode() for delivery in claimed]

    def settle(self) -> dict[str, object]:
        """Settle everything that it holds."""
        turn = self.consumer.turn([Done(delivery) for delivery in self.held], None)
        self.held = []
        return {"fenced": len(turn.fenced), "refused": turn.refused}

    def drain(self) -> list[str]:
        """Work until the queue is empty; returns what it did."""
        done: list[str] = []
        deliveries = self.consumer.turn([], Want(("q",), 5)).deliveries
        while deliveries:
            done += [delivery.body.decode() for delivery in deliveries]
            deliveries = self.consumer.turn([Done(delivery) for delivery in deliveries], Want(("q",), 5)).deliveries
        return done

    def sleep(self, seconds: float) -> list[str]:
        """A worker's idle loop, until it has claimed something or the time is over."""
        wake, ring = os.pipe()
        end = time.monotonic() + seconds
        while not (claimed := self.claim(10)) and time.monotonic() < end:
            self.consumer.wait(("q",), end - time.monotonic(), wake)
        os.close(wake)
        os.close(ring)
        return claimed

    def watch(self, task_id: str, seconds: float) -> bool:
        """Wait for a result."""
        watch = self.backend.watch()
        watch.add([task_id])
        say("watching")
        woken = watch.wait(seconds)
        watch.close()
        return woken

    def compute(self, seconds: float, hold: bool) -> int:
        """Compute for some seconds, a fifth of a second at a time, while another thread writes all there is to write.

        Args:
            seconds: how long.
            hold: compute as C code does that keeps the interpreter's lock: the writer stands still wherever it is.
                Otherwise the writer pauses as long between two writes: the same traffic, and nothing is held.

        Returns:
            how often the other thread wrote.
        """
        over, go = threading.Event(), threading.Event()
        rounds = itertools.count()
        done = 0

        def write() -> None:
            nonlocal done
            while go.wait() and not over.is_set():
                done = self._write(next(rounds))

        writer = threading.Thread(target=write)
        writer.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            go.set()
            time.sleep(0.01)
            if hold:
                ctypes.PyDLL(None).usleep(round(STRETCH * 1e6))
            else:
                go.clear()
                time.sleep(STRETCH)
        over.set()
        go.set()
        writer.join()
        return done

    def _write(self, number: int) -> int:
        """Every kind of write once, many rows at a time, so that one is likely to be caught in the middle."""
        self.publish("noise", *(f"noise-{number}-{each}" for each in range(50)))
        stores = self.broker.abilities.results
        outcomes = [
            Done(each, Record(f"noise-{each.tag}", "SUCCESS", b"{}") if stores else None) for each in self.noise
        ]
        self.noise = self.consumer.turn(outcomes, Want(("noise",), 50)).deliveries
        self.backend.store([Record(f"noise-{each}", "STARTED", b"{}") for each in range(50)])
        self.control.revoke([Revocation(f"noise-{each}", expires=time.time() + 3600) for each in range(50)])
        return number + 1

    def flood(self) -> None:
        """Publish ten at a time until it is killed."""
        while True:
            self.publish("flood", *"0123456789")


def say(answer: object) -> None:
    """One line to the other end."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main(opener: str, backend: str, url: str) -> None:
    """Do what stands on the lines of standard input."""
    life = Life(loading.symbol(opener)(url, {}), loading.symbol(backend)(url, {}))
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        say(getattr(life, name)(*arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
