"""A project whose one task plays all parts of the workflows of `tests.chaos.canvases`, and the judge of their run."""

from __future__ import annotations

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.canvases import FAILED, Expected, Maker, flat, written
from tests.chaos.conftest import Run, children_of, kill
from tests.support.history import append
from tests.support.processes import descendants
from tests.support.until import until
from umbel.app.joined import knows_sizes

PARTS = """
from tests.chaos.canvases import told, written

@app.task(bind=True, max_retries=None)
def step(self, *args, node, how="plain", extra=None):
    # a replacement has the id of what it replaces, an attempt that of the one before: each is a run of its own
    append(HISTORY, "started", f"{self.request.id}#{node}.{self.request.retries}")
    time.sleep(0.002)
    if how == "retry" and not self.request.retries:
        raise self.retry(countdown=0.05)
    append(HISTORY, "ended", self.request.id)
    if how in ("fail", "alarmed"):
        raise LookupError(node)
    if how == "swap":
        return self.replace(written(step, alarm, extra))
    for spec in extra if how == "more" else ():
        self.add_to_chord(written(step, alarm, spec))
    return told(node, args)

@app.task(bind=True)
def alarm(self, failed, node):
    append(HISTORY, "started", f"{self.request.id}#{node}.0")
    append(HISTORY, "ended", self.request.id)
"""


COUNTED = """
from tests.chaos.recorder import record_claims
record_claims(HISTORY)
"""
"""For stores that name each message once."""


@dataclass
class Workflows:
    """Workflows that were sent, and what must come of them."""

    chaos: Run
    expected: Expected = field(default_factory=Expected)
    sent: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def send(self, number: int, *, depth: int = 3) -> None:
        """Draw and send so many."""
        tasks = self.chaos.tasks
        maker = Maker(self.chaos.rng, joins=self.joins)
        for _ in range(number):
            spec = maker.canvas(depth)
            sent = written(tasks.step, tasks.alarm, spec).apply_async()
            self.sent.append((sent, self.expected.evaluate(spec), spec))

    @property
    def joins(self) -> bool:
        """Whether the store can do chords."""
        return knows_sizes(self.chaos.tasks.app) is not None

    def waits(self) -> list[Any]:
        """Results that are not there yet."""
        return [result for result, *_ in self.sent if not result.ready()]

    def until_over(self, patience: float) -> None:
        """Wait until all results are there, or until nothing has started for so many seconds."""
        self.chaos.settle()
        while self.waits() and self._goes_on(patience):
            pass
        self.chaos.settle()

    def _goes_on(self, patience: float) -> bool:
        """Wait until something has started, or nothing is waited for; False after so many seconds without either."""
        seen, end = self.chaos.started(), time.monotonic() + patience
        until(lambda: self.chaos.started() != seen or time.monotonic() > end, timeout=patience + 10)
        return self.chaos.started() != seen

    def kill(self, worker: Any, times: int, *, whole: int) -> Any:
        """Kill children at random, and each so many times the whole worker, which is started again; the last one."""
        for number in range(1, times + 1):
            before = self.chaos.started()
            until(lambda before=before: self._moved(before), worker.output, timeout=30)
            until(lambda: not self.chaos.hit_twice(), lambda: f"the end of {self.chaos.hit_twice()}", timeout=20)
            if self._nearly_over():
                break
            if number % whole == 0:
                for pid in descendants(worker.pid):
                    self._note(pid)
                worker.send_group(signal.SIGKILL)
                worker = self.chaos.worker("-c", "3")
            elif victims := children_of(worker):
                victim = self.chaos.rng.choice(victims)
                self._note(victim)
                kill(victim)
        return worker

    def _moved(self, before: int) -> bool:
        """Whether enough has started for another kill, or there is too little left for one."""
        return self.chaos.started() > before + 2 or self._nearly_over()

    def _nearly_over(self) -> bool:
        return self.chaos.ended() >= self.expected.runs.total() * 0.9

    def _note(self, pid: int) -> None:
        append(self.chaos.path, "victim", str(pid))

    def faults(self) -> list[str]:
        """Judge the run: what ran, how often, and what came of it."""
        history = self.chaos.history()
        ids: dict[str, set[str]] = defaultdict(set)
        names: dict[str, set[str]] = defaultdict(set)
        for run in history.starts:
            task_id, _, name = run.partition("#")
            ids[name].add(task_id)
            names[task_id].add(name.rpartition(".")[0])
        wanted = set(self.expected.runs)
        found = [f"{name} never ran" for name in wanted - set(ids)]
        found += [f"{name} ran, and nothing should have run it" for name in set(ids) - wanted]
        found += [f"{name} was enqueued under {len(each)} ids" for name, each in ids.items() if len(each) > 1]
        twins = {task_id: each - self.expected.replaced for task_id, each in names.items()}
        found += [f"{task_id} is the id of {each}" for task_id, each in twins.items() if len(each) > 1]
        history.enqueued = sorted(set().union(*ids.values()))
        return found + self.chaos.faults() + self._wrong()

    def _wrong(self) -> list[str]:
        found = []
        for result, expected, spec in self.sent:
            if not result.ready():
                found.append(f"{result} is stuck: {spec}")
            elif (value := came(result)) != set(flat(expected)):
                found.append(f"{result} is {value} and not {expected}: {spec}")
        return found


def came(result: Any) -> set[str]:
    """What came of a workflow; a group that never began has failed as often as it has members."""
    if hasattr(result, "results"):
        return {value for one in result.results for value in came(one)}
    return set(flat(result.result)) if result.successful() else {FAILED}


def put_through(
    chaos: Run, number: int, kills: int, whole: int, sabotage: Sequence[str] = (), patience: float = 5.0
) -> Workflows:
    """Send so many workflows, kill their workers, wait for their end.

    Args:
        chaos: the run.
        number: of workflows.
        kills: of children at random.
        whole: with each so many, the whole worker.
        sabotage: what of the workers is broken, see `tests.chaos.sabotaged`.
        patience: seconds without any start after which what has no result is stuck.
    """
    flows = Workflows(chaos)
    worker = chaos.worker("-c", "3", sabotage=sabotage)
    flows.send(number)
    worker = flows.kill(worker, kills, whole=whole)
    flows.until_over(patience)
    kinds = Counter(type(result).__name__ for result, *_ in flows.sent)
    print(f"{number} workflows {dict(kinds)} of {flows.expected.runs.total()} runs")
    return flows
