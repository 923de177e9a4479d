"""The client: a process that calls tasks and reads results, one verb a line on its standard input.

    python -m benchmarks.client CALLER            CALLER is "module:class", made without arguments

    {"do": "many", "kind": "noop", "count": 1000}  ->  {"seconds": 0.02, "count": 1000}

It remembers what it sent, waits until every result is there, and compares every value.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import random
import sys
import time
import traceback
from typing import Any

from benchmarks import work
from benchmarks.callers import Caller
from benchmarks.processes import cpu

CHUNK = 500
WINDOW = 40
"""Results that a reader who measures their age asks for at once."""


class Client:
    """Holds what was sent and not yet seen: task id -> (kind, number)."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.numbers = itertools.count()
        self.open: dict[str, tuple[str, int]] = {}

    def _take(self, count: int) -> list[int]:
        return list(itertools.islice(self.numbers, count))

    def _sent(self, kind: str, numbers: list[int], ids: list[str], started: float) -> dict[str, Any]:
        seconds = time.monotonic() - started
        if len(set(ids)) != len(numbers):
            raise AssertionError(f"{len(numbers)} calls gave {len(set(ids))} ids")
        self.open.update((task_id, (kind, number)) for task_id, number in zip(ids, numbers, strict=True))
        return {"seconds": seconds, "count": len(ids)}

    def many(self, kind: str, count: int) -> dict[str, Any]:
        """Call `count` tasks in bulk."""
        numbers = self._take(count)
        started = time.monotonic()
        return self._sent(kind, numbers, self.caller.many(kind, numbers), started)

    def each(self, kind: str, count: int) -> dict[str, Any]:
        """Call `count` tasks, one after another."""
        numbers, one = self._take(count), self.caller.one
        started = time.monotonic()
        return self._sent(kind, numbers, [one(kind, number) for number in numbers], started)

    def later(self, kind: str, count: int, seconds: float) -> dict[str, Any]:
        """Call `count` tasks that are due in `seconds`; nobody waits for them."""
        started = time.monotonic()
        ids = self.caller.later(kind, self._take(count), seconds)
        return {"seconds": time.monotonic() - started, "count": len(set(ids))}

    def ages(self, kind: str, count: int, stall: float) -> dict[str, Any]:
        """Call `count` tasks that return when they returned; how old each result was when it was first seen, ms.

        `seen` is the number of all results; those from before the reading began have no age.
        """
        ids = self.caller.many(kind, self._take(count))
        ages: list[float] = []
        seen, since = 0, time.monotonic()
        began = since * 1e9
        while ids and time.monotonic() - since < stall:
            values = self.caller.results(ids[:WINDOW])
            now = time.monotonic()
            if values:
                seen, since = seen + len(values), now
                ages += [now * 1e3 - returned / 1e6 for returned in values.values() if returned >= began]
                ids[:WINDOW] = [task_id for task_id in ids[:WINDOW] if task_id not in values]
            else:
                time.sleep(0.0003)
        return {"ages": ages, "seen": seen}

    def wait(self, stall: float) -> dict[str, Any]:
        """Wait until every open call has its result, and compare the values.

        `server` is the CPU time that the server had used when the last one had ended, before all are read; 0.0 without.

        One call is asked for at a time until the last has ended, rarely while much is left, so that the reading costs
        the worker next to nothing; then all are read, from the end. `end` is the time of the last look that found a
        result which an earlier look had not.
        Values are compared when all are there: to compute what is wanted may take longer than the work that is left.

        Args:
            stall: seconds without any progress after which what is missing counts as lost.
        """
        end = self._wait_for_last(stall)
        server = cpu(int(os.environ.get("BENCH_SERVER", "0")))
        read: dict[str, Any] = {}
        since, waited = time.monotonic(), False
        ids = list(self.open)
        while ids:
            chunk = ids[-CHUNK:]
            values = self.caller.results(chunk)
            now = time.monotonic()
            if values:
                end, since = (now if waited else end), now
                read.update(values)
                ids[-CHUNK:] = [task_id for task_id in chunk if task_id not in values]
            waited = len(values) < len(chunk)
            if waited and now - since > stall:
                return {
                    "end": end,
                    "server": server,
                    "missing": len(self._still(ids)),
                    "wrong": self._wrong(read),
                    "count": len(self.open) - len(ids),
                }
            if waited:
                time.sleep(0.002)
        wrong, count = self._wrong(read), len(self.open)
        self.open.clear()
        return {"end": end, "server": server, "missing": 0, "wrong": wrong, "count": count}

    def _still(self, ids: list[str]) -> list[str]:
        parts = [ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK)]
        return [task_id for part in parts for task_id in set(part) - set(self.caller.results(part))]

    def _wait_for_last(self, stall: float) -> float:
        ids = list(self.open)
        sample = ids[:: max(1, len(ids) // 50)]
        ahead = [ids[-1:], ids[-max(1, len(ids) // 20) :][:1]]  # the last one, and one shortly before it
        seen, since, looked = -1, time.monotonic(), time.monotonic()
        while ahead:
            if self.caller.results(ahead[-1]):
                ahead.pop()
                continue
            time.sleep(0.002 if len(ahead) == 1 else 0.050)
            now = time.monotonic()
            if now - looked < min(1.0, stall / 4):
                continue
            looked, found = now, len(self.caller.results(sample))
            if found != seen:
                seen, since = found, now
            if now - since > stall:
                return now
        return time.monotonic()

    def _wrong(self, read: dict[str, Any]) -> list[str]:
        return [f"{task_id}: {value!r}" for task_id, value in read.items() if not self._right(task_id, value)]

    def _right(self, task_id: str, value: Any) -> bool:
        kind, number = self.open[task_id]
        wanted = work.expected(kind, number)
        return type(value) is int and (wanted is None or value == wanted)

    def latency(self, samples: int, gap: float) -> dict[str, Any]:
        """Call one task at a time on an idle worker: milliseconds from before the call to the function's first line."""
        found = []
        for number in self._take(samples):
            time.sleep(gap * random.uniform(0.75, 1.25))
            called = time.monotonic_ns()
            task_id = self.caller.one("stamp", number)
            started = self._value(task_id, gap)
            if not called <= started <= time.monotonic_ns():
                raise AssertionError(f"the function says it started at {started}, it was called at {called}")
            found.append((started - called) / 1e6)
        return {"samples": found}

    def _value(self, task_id: str, gap: float) -> int:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(gap)  # the worker is left alone while it starts the task
            value = self.caller.results([task_id]).get(task_id)
            if isinstance(value, int):
                return value
        raise AssertionError(f"no result of {task_id} within 30 s")


def main(name: str) -> None:
    """Answer one line for each line, until the input ends."""
    module, _, kind = name.partition(":")
    client = Client(getattr(importlib.import_module(module), kind)())
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(client, request.pop("do"))(**request)
        except Exception:
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
