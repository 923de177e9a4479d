"""What is printed becomes lines of the log: whole, each with its own task, and without a way back into itself."""

from __future__ import annotations

import contextvars
import io
import logging
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from umbel.current import request_var
from umbel.worker.logs import TaskContext
from umbel.worker.redirect import REDIRECTED, Stream, redirect


class Kept(logging.Handler):
    """Keeps (level, task id, message)."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(TaskContext())
        self.lines: list[tuple[str, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, vars(record)["task_id"], record.getMessage()))


@pytest.fixture
def log() -> Iterator[Kept]:
    handler = Kept()
    REDIRECTED.addHandler(handler)
    yield handler
    REDIRECTED.removeHandler(handler)


@pytest.fixture
def true() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def stream(true: io.StringIO) -> Stream:
    return Stream(true, logging.WARNING)


def within(task_id: str, function: Any, *args: Any, **kwargs: Any) -> None:
    """Call it as the task of that id would."""

    def inside() -> None:
        request_var.set(SimpleNamespace(id=task_id, task="t"))  # type: ignore[arg-type]
        function(*args, **kwargs)

    contextvars.copy_context().run(inside)


def test_a_print_is_one_line(stream: Stream, log: Kept) -> None:
    print("one", 2, [3], sep="|", file=stream)
    print("two\nthree\n\n  ", file=stream)
    assert [line for _, _, line in log.lines] == ["one|2|[3]", "two", "three"]
    assert {level for level, _, _ in log.lines} == {"WARNING"}


def test_what_is_not_ended_waits_for_its_end_or_a_flush(stream: Stream, log: Kept) -> None:
    print("half", end=" ", file=stream)
    assert log.lines == []
    print("whole", file=stream)
    print("rest", end="", file=stream, flush=True)
    assert [line for _, _, line in log.lines] == ["half whole", "rest"]


def test_a_line_belongs_to_the_task_that_began_it(stream: Stream, log: Kept) -> None:
    within("first", print, "of the first", end="", file=stream)
    within("second", print, "of the second", file=stream)
    print("of nobody", file=stream)
    assert [(task, line) for _, task, line in log.lines] == [
        ("first", "of the first"), ("second", "of the second"), ("???", "of nobody"),
    ]  # fmt: skip


def test_threads_do_not_mix_their_lines(stream: Stream, log: Kept) -> None:
    print("here", end=" ", file=stream)
    other = threading.Thread(target=print, args=("there",), kwargs={"file": stream})
    other.start()
    other.join()
    print("again", file=stream)
    assert [line for _, _, line in log.lines] == ["there", "here again"]


def test_a_handler_that_prints_does_not_log_itself(stream: Stream, true: io.StringIO, log: Kept) -> None:
    def printing(record: logging.LogRecord) -> None:
        print("trouble", file=stream)

    log.emit = printing  # type: ignore[method-assign]
    print("a line", file=stream)
    assert true.getvalue() == "trouble\n"


def test_it_stands_for_the_true_stream() -> None:
    stream = Stream(sys.__stderr__ or sys.stderr, logging.INFO)
    assert (stream.fileno(), stream.encoding.lower(), stream.isatty(), stream.writable()) == (2, "utf-8", False, True)


def test_both_streams_are_replaced_once(monkeypatch: pytest.MonkeyPatch, log: Kept) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    redirect(logging.ERROR)
    before = (sys.stdout, sys.stderr)
    redirect(logging.INFO)
    assert (sys.stdout, sys.stderr) == before
    print("out")
    print("err", file=sys.stderr)
    assert [(level, line) for level, _, line in log.lines] == [("ERROR", "out"), ("ERROR", "err")]
