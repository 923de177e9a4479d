"""The judge of the chaos runs sees each kind of fault."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.history import History, append


def history(path: Path, *lines: tuple[str, str, float]) -> History:
    for what, task_id, at in lines:
        append(path, what, task_id, at)
    return History.read(path)


CLEAN = (("enqueued", "a", 1.0), ("started", "a", 2.0), ("ended", "a", 3.0))


def test_a_clean_run_has_no_fault(tmp_path: Path) -> None:
    assert history(tmp_path / "h", *CLEAN).faults({"a": "SUCCESS"}) == []


@pytest.mark.parametrize(
    ("lines", "results", "left", "word"),
    [
        (CLEAN[:1], {"a": "SUCCESS"}, (), "never ended"),
        (CLEAN, {}, (), "no result"),
        (CLEAN, {"a": "SUCCESS"}, ("one",), "still in the store"),
        ((*CLEAN, ("started", "a", 9.0)), {"a": "SUCCESS"}, (), "ran twice"),
        ((*CLEAN, ("started", "a", 9.0), ("killed", "", 20.0)), {"a": "SUCCESS"}, (), "ran twice"),
        (CLEAN[1:], {"a": "SUCCESS"}, (), "never enqueued"),
    ],
)
def test_each_fault_is_seen(
    tmp_path: Path, lines: tuple[tuple[str, str, float], ...], results: dict[str, str], left: tuple[str, ...], word: str
) -> None:
    faults = history(tmp_path / "h", *lines).faults(results, left)
    assert any(word in fault for fault in faults)


def test_a_repeat_over_a_kill_is_justified(tmp_path: Path) -> None:
    run = history(tmp_path / "h", *CLEAN, ("killed", "", 5.0), ("started", "a", 9.0), ("ended", "a", 9.5))
    assert run.faults({"a": "SUCCESS"}) == []
    assert run.repeated() == 1


def judged(path: Path, *lines: tuple[str, float, int]) -> list[str]:
    for what, at, pid in lines:
        append(path, what, "a", at, pid)
    return History.read(path).faults({"a": "SUCCESS"})


RUNS_TWICE = (("enqueued", 1.0, 1), ("started", 2.0, 7), ("killed", 3.0, 1), ("started", 4.0, 8), ("ended", 5.0, 8))


def test_who_lost_a_task_must_not_settle_it(tmp_path: Path) -> None:
    assert judged(tmp_path / "held", *RUNS_TWICE, ("settled", 5.0, 8)) == []
    assert judged(tmp_path / "before", *RUNS_TWICE, ("settled", 3.5, 7)) == []
    assert "held it no longer" in judged(tmp_path / "lost", *RUNS_TWICE, ("settled", 5.0, 7))[0]
    assert "held it no longer" not in str(judged(tmp_path / "verdict", *RUNS_TWICE, ("settled", 5.0, 9)))


def test_nothing_is_settled_twice(tmp_path: Path) -> None:
    assert judged(tmp_path / "h", *RUNS_TWICE, ("settled", 5.0, 8), ("settled", 6.0, 8)) == ["a was settled twice"]


def test_nothing_starts_before_it_is_due(tmp_path: Path) -> None:
    now = time.time()
    assert (
        judged(tmp_path / "on time", ("enqueued", 1.0, 1), ("due", now, 1), ("started", now, 7), ("ended", now, 7))
        == []
    )
    early = ("enqueued", 1.0, 1), ("due", now + 60, 1), ("started", now, 7), ("ended", now, 7)
    assert "before it was due" in judged(tmp_path / "early", *early)[0]
    noted_late = ("enqueued", 1.0, 1), ("started", now, 7), ("due", now + 60, 1), ("ended", now, 7)
    assert "before it was due" in judged(tmp_path / "noted late", *noted_late)[0]


def test_what_a_kill_interrupted_is_taken_up_within_the_bound(tmp_path: Path) -> None:
    for what, task_id, at in (*CLEAN, ("started", "b", 4.0), ("killed", "", 5.0), ("started", "b", 12.0)):
        append(tmp_path / "h", what, task_id, at)
    history = History.read(tmp_path / "h")
    assert history.late(10, now=30.0) == []
    assert history.late(6, now=30.0) == ["b was lost by a kill and not taken up within 6 s"]


TWICE = (("enqueued", "a", 1.0, 1), ("started", "a", 2.0, 7), ("started", "a", 9.0, 8), ("ended", "a", 9.5, 8))


@pytest.mark.parametrize(("victim", "word"), [(7, ""), (9, "ran twice")])
def test_where_the_dead_are_known_only_the_end_of_its_own_process_justifies_a_repeat(
    tmp_path: Path, victim: int, word: str
) -> None:
    for what, task_id, at, pid in (*TWICE, ("victim", str(victim), 5.0, 1)):
        append(tmp_path / "h", what, task_id, at, pid)
    faults = History.read(tmp_path / "h").faults({"a": "SUCCESS"})
    assert [word in fault for fault in faults] == [True] * bool(word)


def test_a_run_that_came_by_two_messages_was_enqueued_twice(tmp_path: Path) -> None:
    for tag in (5, 5, 6):
        append(tmp_path / "h", "claimed", "a", pid=tag)
    run = history(tmp_path / "h", *CLEAN)
    assert run.faults({"a": "SUCCESS"}) == ["a came by 2 messages"]
