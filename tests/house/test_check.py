"""The program behind `make test`: it runs everything, fails when anything fails, and its last line is the sum."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.scripts import load

GOOD = "def test_a():\n    assert 1\n"
BAD = "import pytest\n\n\n@pytest.mark.chaos\ndef test_b():\n    assert 0\n"
BAD_ALONE = BAD.replace("chaos", "alone")
SKIPPED = "import pytest\n\n\n@pytest.mark.skip(reason='no server')\ndef test_c():\n    assert 1\n"
SETTINGS = "[tool.pytest]\nmarkers = ['alone: a', 'chaos: c', 'soak: s']\naddopts = ['--strict-markers']\n"


@pytest.fixture
def check(monkeypatch, tmp_path):
    """The program, over a project of a few lines whose only lint is whether `lint-ok` exists."""
    module = load("check")
    (tmp_path / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "lint-ok").touch()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "need").symlink_to("/bin/true")
    monkeypatch.setattr(module, "TOP", tmp_path)
    monkeypatch.setattr(module, "BIN", Path(sys.executable).parent)
    monkeypatch.setattr(module, "CHECKS", {"lint": ["python", "-c", "open('lint-ok'); print('fine')"]})
    one_by_one = {name: (options[options.index("-m") :], word) for name, (options, word) in module.RUNS.items()}
    monkeypatch.setattr(module, "RUNS", one_by_one)  # faster: one test needs no helpers
    monkeypatch.delenv("UMBEL_REQUIRE_SERVICES", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # faster: these projects need xdist only
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p xdist.plugin")
    return module


def test_everything_right_is_zero_and_a_sum(check, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(check, "RUNS", load("check").RUNS)
    (tmp_path / "test_good.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "test_skipped.py").write_text(SKIPPED, encoding="utf-8")
    (tmp_path / "test_alone.py").write_text(BAD_ALONE.replace("assert 0", "assert 1"), encoding="utf-8")
    assert check.main([]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1].strip("= ").startswith("2 passed, 1 skipped in ")


@pytest.mark.parametrize(("bad", "name"), [(BAD, "chaos runs"), (BAD_ALONE, "tests that run alone")])
def test_a_failure_of_a_later_run_fails_the_whole(check, tmp_path, capfd, bad, name):
    (tmp_path / "test_good.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "test_bad.py").write_text(bad, encoding="utf-8")
    assert check.main([]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[-2] == f"failed: {name}"
    assert lines[-1].strip("= ").startswith("1 failed, 1 passed in ")


def test_a_failing_check_shows_what_it_said_and_the_tests_still_run(check, tmp_path, capfd):
    (tmp_path / "lint-ok").unlink()
    (tmp_path / "test_good.py").write_text(GOOD, encoding="utf-8")
    assert check.main([]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert any("No such file or directory: 'lint-ok'" in line for line in lines)
    assert lines[-2] == "failed: lint"
    assert lines[-1].strip("= ").startswith("1 passed in ")


def test_what_tests_start_is_compiled_once(check, tmp_path, monkeypatch):
    """Some machines forbid it by the environment, and everything takes twice as long there."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "helper.py").touch()
    text = "import subprocess, sys\n\n\ndef test_a():\n    subprocess.run([sys.executable, '-c', 'import helper'])\n"
    (tmp_path / "test_a.py").write_text(text, encoding="utf-8")
    assert check.main([]) == 0
    assert list(tmp_path.glob("__pycache__/helper.*.pyc"))


def test_test_files_are_compiled_before_the_helpers_start(check, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "RUNS", {})
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(GOOD, encoding="utf-8")
    assert check.main([]) == 0
    [compiled] = tmp_path.glob("tests/__pycache__/test_a.*pytest*.pyc")
    before = compiled.stat().st_mtime_ns
    assert check.main([]) == 0
    assert compiled.stat().st_mtime_ns == before


def test_a_run_collects_the_files_that_have_its_mark(check, tmp_path):
    for name, text in {"test_a.py": GOOD, "test_b.py": BAD, "test_c.py": BAD_ALONE, "other.py": BAD}.items():
        (tmp_path / "tests" / "room").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / "room" / name).write_text(text, encoding="utf-8")
    assert [check.files(word) for _, word in check.RUNS.values() if word] == [
        ["tests/room/test_b.py"], ["tests/room/test_c.py"],
    ]  # fmt: skip
    assert [name for name, (_, word) in check.RUNS.items() if not word] == ["tests"]


def test_a_file_that_cannot_be_imported_fails(check, tmp_path, capfd):
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    assert check.main([]) == 1
    assert "error" in capfd.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("required", "code"), [("", 0), ("0", 0), ("1", 1)])
def test_a_server_that_cannot_be_installed_is_a_failure_where_it_is_required(
    check, tmp_path, capfd, monkeypatch, required, code
):
    (tmp_path / "test_good.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "scripts" / "need").unlink()
    (tmp_path / "scripts" / "need").write_text('#!/bin/sh\necho "Type this: $*" >&2\nexit 1\n', encoding="utf-8")
    (tmp_path / "scripts" / "need").chmod(0o755)
    monkeypatch.setenv("UMBEL_REQUIRE_SERVICES", required)
    assert check.main([]) == code
    said = capfd.readouterr()
    assert said.err.startswith(f"Type this: {' '.join(check.SERVICES)}\n")
    assert ("failed: services" in said.out) == (code == 1)


def test_lint_alone_runs_no_test(check, tmp_path, capfd):
    (tmp_path / "test_bad.py").write_text(BAD, encoding="utf-8")
    assert check.main(["--no-tests"]) == 0
    assert "failed" not in capfd.readouterr().out


def test_it_is_what_make_runs():
    makefile = (load("check").TOP / "Makefile").read_text(encoding="utf-8")
    done = subprocess.run(
        ["make", "-n", "test", "READY="], cwd=load("check").TOP, capture_output=True, text=True, check=False
    )
    assert "test: $(READY)\n\t@$(PY) scripts/check\n" in makefile
    assert "scripts/check" in done.stdout


def test_every_example_is_checked_by_its_own_types_configuration():
    """What a user copies must hold by itself, and not only under the settings of this tree."""
    module = load("check")
    written = [path.relative_to(module.TOP) for path in sorted(module.TOP.glob("examples/*/pyproject.toml"))]
    own = [str(path) for path in written if "[tool.mypy]" in (module.TOP / path).read_text(encoding="utf-8")]
    assert own
    run = [word for command in module.CHECKS.values() if command[0] == "mypy" for word in command]
    assert [path for path in own if path not in run] == []
