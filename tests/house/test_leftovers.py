"""A run of the tests that leaves a process behind fails, names it, and kills it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support import processes as p
from tests.support import tree

LEAVING = """
import subprocess, sys

def test_that_leaves(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    print("pid", child.pid)
    child.returncode = 0  # nobody warns about it
    assert child.pid
"""
CLEAN = LEAVING.replace("    child.returncode = 0  # nobody warns about it\n", "    child.kill()\n    child.wait()\n")


def run(folder, text, monkeypatch, *options):
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tree.TOP))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # faster
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-p",
        "tests.support.leftovers",
        "-p",
        "xdist.plugin",
        *options,
        "test_it.py",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_what_is_left_behind_is_named_and_killed(tmp_path, monkeypatch, options):
    done = run(tmp_path, LEAVING, monkeypatch, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    (pid,) = re.findall(r"\n  (\d+) .*time\.sleep\(60\).*\(started in test_it\.py::test_that_leaves", done.stdout)
    assert not p.alive(int(pid))


def test_a_clean_run_passes(tmp_path, monkeypatch):
    done = run(tmp_path, CLEAN, monkeypatch)
    assert done.returncode == 0, done.stdout + done.stderr
