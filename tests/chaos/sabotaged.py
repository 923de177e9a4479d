"""A worker with one thing about it changed: a clock that a file moves, or a guarantee that is turned off.

    python -m tests.chaos.sabotaged clock=offset.txt no-rescue -- -A chaotic worker -c 2

A chaos run whose guarantee is turned off must be judged as failed; otherwise its check shows nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import msgspec

from tests.support.history import append
from umbel import cli, clock
from umbel.adapters.sqlite import consumer
from umbel.adapters.sqlite.consumer import SqliteConsumer
from umbel.adapters.sqlite.liveness import OwnersFile
from umbel.adapters.sqlite.owners import SqliteOwners
from umbel.broker import Death, Owner
from umbel.message import Envelope
from umbel.outcome import Done
from umbel.worker import supervisor
from umbel.worker.attempt import Attempt
from umbel.worker.brood import Ward
from umbel.worker.channels import Outcomes
from umbel.worker.once import Book
from umbel.worker.page import NONCE
from umbel.worker.runner import Runner
from umbel.worker.settler import Settler


def moved(path: str) -> Callable[[], float]:
    """A wall clock that is ahead of the real one by the seconds that a file holds."""

    def wall() -> float:
        try:
            return time.time() + float(Path(path).read_text() or 0)
        except OSError:
            return time.time()

    return wall


def use_moved_clock(path: str) -> None:
    clock.wall = moved(path)


def no_rescue(_: str) -> None:
    """The work of the dead is taken back by nobody."""
    SqliteOwners.rescue = lambda *_: 0  # type: ignore[method-assign]


def leases_by_clock(_: str) -> None:
    """An owner is alive for ten minutes by the wall clock."""
    born = clock.wall()
    OwnersFile.alive = lambda *_: clock.wall() - born < 600  # type: ignore[method-assign]


def acknowledge_first(_: str) -> None:
    """The message is gone before its function runs."""
    run = Attempt.run

    def first(self: Attempt, guard: Any) -> Any:
        settler = Settler(self.desk.app, _owner(self), Outcomes(), self.desk.reporter, Book(self.desk.row))
        settler.turn([Done(self.delivery)], None)
        settler.close()
        return run(self, guard)

    Attempt.run = first  # type: ignore[method-assign]


def _owner(attempt: Attempt) -> Any:
    return Owner(attempt.desk.row.get(NONCE), attempt.desk.node, 0, "child", 0.0)


def forget_failures(_: str) -> None:
    """What the store did not take is thrown away instead of being kept for later."""

    def lose(self: Settler, outcomes: list[Any], want: Any) -> Any:
        try:
            return self._turn(outcomes, want)
        except Exception:
            return None

    Settler.turn = lose  # type: ignore[method-assign]


def count_no_crash(_: str) -> None:
    """No death is counted, so a poison task kills for ever."""
    report = Ward.death

    def harmless(self: Ward, status: int) -> Death:
        death = report(self, status)
        return Death(death.owner, death.started, death.cause, death.verdicts, counts=False)

    Ward.death = harmless  # type: ignore[method-assign]


def replace_the_silent(seconds: str) -> None:
    """A child without an answer for so many seconds is replaced."""
    supervisor.SILENT_MOST = float(seconds)  # type: ignore[misc]


def leave_the_stopped(_: str) -> None:
    """A child that is stopped is waited for."""
    supervisor.STOPPED_MOST = 1e9  # type: ignore[misc]


def no_fence(_: str) -> None:
    """Whoever has run a message may settle it, held or not."""
    turn = SqliteConsumer.turn

    def anyhow(self: SqliteConsumer, outcomes: Any, want: Any) -> Any:
        done = turn(self, outcomes, want)
        if done.fenced:
            connection = apsw.Connection(self._address.path)
            connection.set_busy_timeout(5000)
            for delivery in (outcome.delivery for outcome in done.fenced):
                mine = (self._nonce, delivery.claim, delivery.tag)
                connection.execute("UPDATE lease SET owner = ?, claim = ? WHERE seq = ?", mine)
            connection.close()
            done.fenced = turn(self, done.fenced, None).fenced
        return done

    SqliteConsumer.turn = anyhow  # type: ignore[method-assign]


def due_by_own_clock(_: str) -> None:
    """What is due is decided by the wall clock of the start and the seconds since then: a jump is not seen."""
    born = time.time() - time.monotonic()
    own = SimpleNamespace(wall=lambda: born + time.monotonic(), monotonic=time.monotonic)
    consumer.clock = own  # type: ignore[attr-defined]


def rescue_late(_: str) -> None:
    """An owner counts as alive for a minute after the last sign of it."""
    alive = OwnersFile.alive
    seen: dict[int, float] = {}

    def lingering(self: OwnersFile, nonce: int) -> bool:
        if alive(self, nonce):
            return True
        return time.monotonic() - seen.setdefault(nonce, time.monotonic()) < 60

    OwnersFile.alive = lingering  # type: ignore[method-assign]


def trust_messages(_: str) -> None:
    """Messages are decoded as if nobody could have sent nonsense: what that raises ends the child."""
    prepare = Runner.prepare

    def trusting(self: Runner, delivery: Any) -> Any:
        self._body(delivery, msgspec.json.decode(delivery.head, type=Envelope))
        return prepare(self, delivery)

    Runner.prepare = trusting  # type: ignore[method-assign]


def follow_ups_apart(history: str) -> None:
    """What follows a task is sent before the step that settles it; the first time, a kill comes between the two."""
    turn, mark = Settler.turn, Path(f"{history}.apart")

    def apart(self: Settler, outcomes: list[Any], want: Any) -> Any:
        parcels = [parcel for outcome in outcomes for parcel in outcome.parcels]
        if parcels:
            self._app.publish(parcels)
            for outcome in outcomes:
                outcome.parcels = ()
            if not mark.exists():
                mark.touch()
                append(history, "victim", str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
        return turn(self, outcomes, want)

    Settler.turn = apart  # type: ignore[method-assign]


def join_apart(history: str) -> None:
    """What a member says to its chord is left out of the step that settles it; the first time, a kill follows."""
    turn, mark = Settler.turn, Path(f"{history}.apart")

    def apart(self: Settler, outcomes: list[Any], want: Any) -> Any:
        members = [outcome for outcome in outcomes if outcome.members]
        if not members or mark.exists():
            return turn(self, outcomes, want)
        turn(self, [msgspec.structs.replace(outcome, members=()) for outcome in members], None)
        mark.touch()
        append(history, "victim", str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    Settler.turn = apart  # type: ignore[method-assign]


SABOTAGE: dict[str, Callable[[str], None]] = {
    "clock": use_moved_clock,
    "no-rescue": no_rescue,
    "leases-by-clock": leases_by_clock,
    "acknowledge-first": acknowledge_first,
    "forget-failures": forget_failures,
    "count-no-crash": count_no_crash,
    "leave-the-stopped": leave_the_stopped,
    "replace-the-silent": replace_the_silent,
    "no-fence": no_fence,
    "due-by-own-clock": due_by_own_clock,
    "rescue-late": rescue_late,
    "trust-messages": trust_messages,
    "follow-ups-apart": follow_ups_apart,
    "join-apart": join_apart,
}


def main() -> None:
    """Break what is named, then be the command line."""
    at = sys.argv.index("--")
    for word in sys.argv[1:at]:
        name, _, value = word.partition("=")
        SABOTAGE[name](value)
    sys.argv[1:] = sys.argv[at + 1 :]
    cli.main()


if __name__ == "__main__":
    main()
