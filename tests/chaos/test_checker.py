"""The judge of the chaos runs sees each kind of fault."""

from __future__ import annotations

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
