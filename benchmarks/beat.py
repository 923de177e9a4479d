"""python -m benchmarks.beat [ENTRIES]: what a scheduler with many entries costs, umbel's and Celery's, each on Redis.

Two runs of each, with 10,000 entries: in the first nothing is due for an hour; in the second 100 are due each second.
A reader takes the messages out of the list and notes when each was there. How late that is, umbel's messages say by
themselves, because an entry may say when its tasks expire; of Celery it is reckoned from its own earliest one.

Writes benchmarks/results/latest-beat/report.md. Exit code 1 when a tick is missing or came twice.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from base64 import b64decode
from datetime import datetime
from pathlib import Path

import redis

from benchmarks import facts
from benchmarks.processes import Process, adopt_orphans, cpu
from benchmarks.report import RESULTS
from benchmarks.servers import redis_server

ENTRIES = 10_000
RATE = 100
SETTLED = 45.0
"""Seconds from the start of a scheduler until it is measured; no entry is due twice before the end."""
WINDOW = 20.0
"""Seconds of each measurement."""
EXPIRES = 600.0
"""Seconds after its time that a message of umbel's says (`apps.beat_app`)."""
WANTED = {"CPU, % of a core, nothing due": 5.0, "memory, MB PSS": 100.0, "lateness p99, ms": 100.0}


def run(kind: str, entries: int, first: float, folder: Path) -> tuple[dict[str, float], list[tuple[int, float, bytes]]]:
    """Start a scheduler; what it used, and what came: number of the entry, unix time, message."""
    with redis_server(folder) as (url, _):
        env = {
            "BENCH_BEAT": kind, "BENCH_REDIS": url, "BENCH_FIRST": str(first), "BENCH_GAP": str(1 / RATE),
            "BENCH_ENTRIES": str(entries), "BENCH_EXPIRES": str(EXPIRES),
        }  # fmt: skip
        options = [] if kind == "umbel" else ["--schedule", str(folder / f"{kind}-{first}")]
        beat = Process(
            [sys.executable, "-m", kind, "-A", "benchmarks.apps.beat_app", "beat", *options],
            env,
            folder / f"{kind}.log",
        )
        try:
            reader = redis.Redis.from_url(url, socket_timeout=60)
            came = _read(reader, time.monotonic() + SETTLED)
            before, since = sum(map(cpu, beat.pids())), time.monotonic()
            came += _read(reader, since + WINDOW)
            used = {"cpu": (sum(map(cpu, beat.pids())) - before) / (time.monotonic() - since) * 100}
            used["memory"] = beat.memory() / 1e6
            beat.check()
        finally:
            beat.stop()
        return used, came


def _read(reader: redis.Redis, until: float) -> list[tuple[int, float, bytes]]:
    found = []
    while (left := until - time.monotonic()) > 0:
        taken = reader.brpop(["celery"], timeout=max(0.01, left))
        if taken:
            item, now = json.loads(taken[1]), time.time()
            body = json.loads(b64decode(item["body"]))
            found.append((body[0][0], now, (item["headers"].get("expires") or "").encode()))
    return found


def lateness(kind: str, came: list[tuple[int, float, bytes]]) -> list[float]:
    """Milliseconds."""
    if kind == "umbel":
        return [
            (now - datetime.fromisoformat(expires.decode()).timestamp() + EXPIRES) * 1000 for _, now, expires in came
        ]
    offsets = [now - number / RATE for number, now, _ in came]
    return [(offset - min(offsets)) * 1000 for offset in offsets]


def measured(kind: str, entries: int, folder: Path) -> dict[str, float]:
    """All figures of one scheduler.

    Raises:
        SystemExit: a tick is missing, or came twice.
    """
    idle, _ = run(kind, entries, 3600.0, folder)
    busy, came = run(kind, entries, SETTLED - 5, folder)
    numbers = sorted(number for number, _, _ in came)
    gaps = kind == "umbel" and (numbers != list(range(len(numbers))) or len(numbers) < WINDOW * RATE)
    if gaps or len(numbers) > len(set(numbers)):  # what Celery has not sent by the end is in its figures
        raise SystemExit(f"{kind}: {len(numbers)} ticks came, {len(set(numbers))} different ones")
    late = statistics.quantiles(lateness(kind, came), n=100)
    return {
        "CPU, % of a core, nothing due": idle["cpu"], f"CPU, % of a core, {RATE} due a second": busy["cpu"],
        f"sent in {WINDOW + 5:g} s": float(len(came)),
        "memory, MB PSS": idle["memory"], "lateness p50, ms": late[49], "lateness p99, ms": late[98],
    }  # fmt: skip


def report(entries: int, found: dict[str, dict[str, float]]) -> str:
    """As Markdown."""
    lines = [f"# {entries:,} periodic entries on Redis", "", f"| figure | {' | '.join(found)} | umbel is to reach |"]
    lines.append("|---|" + "---|" * (len(found) + 1))
    for figure in found["umbel"]:
        wanted = WANTED.get(figure)
        goal = (
            "" if wanted is None else f"{wanted:g}: {'reached' if found['umbel'][figure] <= wanted else '**missed**'}"
        )
        lines.append(f"| {figure} | {' | '.join(f'{row[figure]:.3g}' for row in found.values())} | {goal} |")
    lines += ["", "| machine and versions | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts.gather(()).items()]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    entries = int(argv[0]) if argv else ENTRIES
    adopt_orphans()
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: measured(kind, entries, Path(folder)) for kind in ("umbel", "celery")}
    text = report(entries, found)
    target = RESULTS / "latest-beat"
    target.mkdir(parents=True, exist_ok=True)
    (target / "report.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
