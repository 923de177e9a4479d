"""What a run was made on: machine, interpreter, libraries. A figure without them says nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import apsw

from benchmarks.contestants import Contestant


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _load() -> str:
    """The load averages; a busy machine is called so, as its figures are rough."""
    averages = os.getloadavg()
    text = " ".join(f"{value:.2f}" for value in averages)
    busy = averages[0] > 0.25 * (os.cpu_count() or 1)
    return f"{text} (the machine is busy with something else: trust ratios only)" if busy else text


def _redis() -> str:
    program = shutil.which("redis-server")
    if program is None:
        return "none"
    words = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=10, check=True
    ).stdout.split()
    return next((word.removeprefix("v=") for word in words if word.startswith("v=")), "unknown")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "from the source tree"


def gather(contestants: Iterable[Contestant]) -> dict[str, str]:
    """Names and values, in the order in which a report shows them."""
    names = sorted({package for contestant in contestants for package in contestant.packages})
    facts = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "CPU": _cpu(),
        "load before": _load(),
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite of umbel and the bare loop": apsw.sqlite_lib_version(),
        "SQLite of Huey": sqlite3.sqlite_version,
    }
    if any(contestant.redis for contestant in contestants):
        facts["Redis server"] = _redis()
    return facts | {name: _version(name) for name in names}
