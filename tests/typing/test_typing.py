"""mypy and pyright over `calls.py`: every marked line is an error, every other is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
FIXTURE = FOLDER / "calls.py"
BIN = Path(sys.executable).parent


def marked() -> set[int]:
    lines = FIXTURE.read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# error")}


def run(*command: str, folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False).stdout


def by_mypy(folder: Path) -> dict[int, str]:
    output = run(
        str(BIN / "mypy"), "--strict", "--no-error-summary", "--cache-dir", str(folder / "cache"), "--config-file",
        "/dev/null", str(FIXTURE), folder=folder,
    )  # fmt: skip
    found: dict[int, str] = {}
    for line in output.splitlines():
        name, number, kind, message = line.split(":", 3)
        if kind.strip() == "error":
            assert Path(name).name == FIXTURE.name, line
            found.setdefault(int(number), message)
    return found


def by_pyright(folder: Path) -> dict[int, str]:
    shutil.copy(FIXTURE, folder)
    (folder / "pyrightconfig.json").write_text(json.dumps({"include": [FIXTURE.name], "typeCheckingMode": "strict"}))
    output = run(
        str(BIN / "pyright"), "--outputjson", "--pythonpath", sys.executable, "-p", str(folder), folder=folder
    )  # fmt: skip
    report = json.loads(output)
    assert report["summary"]["filesAnalyzed"] == 1
    diagnostics = report["generalDiagnostics"]
    errors = [one for one in diagnostics if one["severity"] == "error"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in errors}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
@pytest.mark.long
def test_wrong_calls_are_errors_and_right_ones_are_not(checker, tmp_path):
    found, lines = checker(tmp_path), FIXTURE.read_text().splitlines()
    missed = {number: lines[number - 1] for number in sorted(marked() - set(found))}
    wrong = {number: (lines[number - 1], found[number]) for number in sorted(set(found) - marked())}
    assert not missed, "\n".join(f"{number}: {line}" for number, line in missed.items())
    assert not wrong, "\n".join(f"{number}: {line}: {message}" for number, (line, message) in wrong.items())
    assert len(marked()) > 30
