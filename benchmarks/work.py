"""The functions that every contestant runs, and what each call must return.

Every function takes ``(number, note)``: the number makes its result its own, the note (225 characters) makes the
message body about 300 bytes. The first call in a process leaves a mark, so that a clock can start with the first
function.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from functools import cache
from pathlib import Path

NOTE = "The quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs. " * 3
NOTE = NOTE[:225]

LOOPS = (400, 2_000, 8_000, 100_000)
"""Turns of the CPU-bound mix: about 0.03, 0.15, 0.6 and 7 ms of pure Python."""

_SUM = struct.Struct("=Q")

_fresh = True
_booked = threading.local()


def _folder() -> Path:
    return Path(os.environ["BENCH_MARKS"])


def mark() -> None:
    """Write down when this process started its first function, and what CPU time it had used until then.

    Once, and only where a folder for it is named.
    """
    global _fresh  # noqa: PLW0603 - one flag a process, read by every call: anything else costs more than the no-op
    _fresh = False
    if "BENCH_MARKS" in os.environ:
        (_folder() / f"first-{os.getpid()}").write_text(f"{time.monotonic_ns()} {time.process_time_ns()}")


def noop(number: int, note: str) -> int:
    if _fresh:
        mark()
    return number


def pause(number: int, note: str) -> int:
    """10 ms of waiting."""
    if _fresh:
        mark()
    time.sleep(0.010)
    return number


def long(number: int, note: str) -> int:
    """1 s of waiting."""
    if _fresh:
        mark()
    time.sleep(1.0)
    return number


def _turns(number: int) -> int:
    state = number
    for _ in range(LOOPS[number % 4]):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return state


def _book(nanoseconds: int) -> None:
    """Add to what this thread computed in functions, in a file: a pool may end the process at any time."""
    try:
        book = _booked.book
    except AttributeError:
        path = _folder() / f"spent-{os.getpid()}-{threading.get_native_id()}"
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            book = _booked.book = mmap.mmap(file.fileno(), 8)
    _SUM.pack_into(book, 0, _SUM.unpack_from(book)[0] + nanoseconds)


def mix(number: int, note: str) -> int:
    """Pure Python computing: three short ones for each long one. Books the CPU time that the computing took."""
    if _fresh:
        mark()
    before = time.thread_time_ns()
    state = _turns(number)
    _book(time.thread_time_ns() - before)
    return state


def stamp(number: int, note: str) -> int:
    """When the function started: nanoseconds of the machine's monotonic clock, which all processes share."""
    return time.monotonic_ns()


def brief(number: int, note: str) -> int:
    """1 ms of waiting; when the function returned, as `stamp` has it."""
    time.sleep(0.001)
    return time.monotonic_ns()


def begin_hold(number: int) -> float:
    """Write one line a start, with number and time; returns how long to hold."""
    line = f"{number} {time.monotonic_ns()}\n".encode()
    fd = os.open(_folder() / f"starts-{os.environ['BENCH_LIFE']}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, line)
    os.close(fd)
    return float(os.environ["BENCH_HOLD"])


def hold(number: int, note: str) -> int:
    """Occupies its worker for as long as the worker's environment says."""
    time.sleep(begin_hold(number))
    return number


FUNCTIONS = (noop, pause, long, mix, stamp, brief, hold)


@cache
def _jumps() -> list[tuple[int, int]]:
    """Factor and summand that do all turns of each kind at once: a second way to the same number, and a quick one."""
    jumps = []
    for turns in LOOPS:
        factor, added = 1, 0
        for _ in range(turns):
            factor, added = factor * 1_103_515_245 % 2**31, (added * 1_103_515_245 + 12_345) % 2**31
        jumps.append((factor, added))
    return jumps


def expected(kind: str, number: int) -> int | None:
    """What the call must return; None where only the kind of value is known (a time).

    Example:
        >>> expected("noop", 7)
        7
    """
    if kind in ("stamp", "brief"):
        return None
    if kind == "mix":
        factor, added = _jumps()[number % 4]
        return (number * factor + added) % 2**31
    return number


def starts(folder: Path) -> dict[int, tuple[float, float]]:
    """Of each process that ran a function: seconds of the monotonic clock and of its own CPU time at its first one.

    Raises:
        FileNotFoundError: no function started.
    """
    marks = {int(path.name.removeprefix("first-")): path.read_text().split() for path in folder.glob("first-*")}
    if not marks:
        raise FileNotFoundError(f"no task left a mark in {folder}")
    return {pid: (int(at) / 1e9, int(used) / 1e9) for pid, (at, used) in marks.items()}


def spent(folder: Path) -> float:
    """Seconds of CPU time that all threads of all processes booked inside their functions; 0.0 where none books.

    Example:
        >>> spent(Path("/nonexistent"))
        0.0
    """
    return sum(_SUM.unpack(path.read_bytes())[0] for path in folder.glob("spent-*")) / 1e9
