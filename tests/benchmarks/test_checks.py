"""The benchmarks fail when a result is missing or wrong, or a worker dies: a fast wrong answer is no figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import program

TOP = Path(__file__).resolve().parents[2]


def run(tmp_path, *argv):
    env = {**os.environ, "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'src'}"}
    options = ["--rounds", "1", "--folder", str(tmp_path), "--output", str(tmp_path / "report")]
    return subprocess.run(
        [sys.executable, "-m", *argv, *options],
        cwd=TOP,
        env=env,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_a_sound_run_ends_with_zero_and_writes_its_report(tmp_path):
    done = run(tmp_path, "benchmarks", "--only", "bare,drain,enqueue", "--count", "600")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["failures"] == []
    assert report["rounds"]["drain, tasks/s"]["bare"][0] > 100
    assert report["rounds"]["enqueue one by one, tasks/s"]["bare"][0] > 100
    assert report["facts"]["cores"].isdigit()
    assert "| drain, tasks/s |" in (tmp_path / "report" / "report.md").read_text()
    assert not list(tmp_path.glob("bench-*")), "stores of sound runs are removed"


@pytest.mark.long
def test_all_contestants_stand_in_one_report(tmp_path):
    program("redis-server")
    done = run(tmp_path, "benchmarks", "--only", "drain", "--count", "500")
    assert done.returncode == 0, done.stderr
    rounds = json.loads((tmp_path / "report" / "report.json").read_text())["rounds"]
    assert set(rounds["drain, tasks/s"]) == {"umbel", "huey", "celery", "bare"}


@pytest.mark.long
def test_all_contestants_on_redis_stand_in_one_report(tmp_path):
    program("redis-server")
    done = run(tmp_path, "benchmarks", "--store", "redis", "--only", "drain", "--count", "500")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    everybody = {"umbel", "celery", "threads", "huey", "dramatiq", "taskiq", "bare"}
    assert set(report["rounds"]["drain, tasks/s"]) == everybody
    assert set(report["rounds"]["CPU of the server in the drain, us a task"]) == everybody
    assert {one["wanted"] for one in report["verdicts"] if one["figure"] == "drain, tasks/s"} == {
        ">= 1 of bare", ">= 50 of celery", "worse than nobody (>= 0.98)",
    }  # fmt: skip


def test_the_start_of_a_task_on_an_idle_worker_is_timed(tmp_path):
    done = run(tmp_path, "benchmarks", "--only", "umbel,latency,memory", "--count", "20")
    assert done.returncode == 0, done.stderr
    rounds = json.loads((tmp_path / "report" / "report.json").read_text())["rounds"]
    (half,), (most,) = rounds["start latency p50, ms"]["umbel"], rounds["start latency p99, ms"]["umbel"]
    assert 0 < half <= most
    assert rounds["memory of the worker, MB PSS"]["umbel"][0] > 10


@pytest.mark.long
def test_a_worker_killed_with_a_thousand_tasks_is_timed(tmp_path):
    done = run(tmp_path, "benchmarks", "--only", "umbel,recovery")
    assert done.returncode == 0, done.stderr
    rounds = json.loads((tmp_path / "report" / "report.json").read_text())["rounds"]
    assert rounds["held by the killed worker"]["umbel"] == [1000.0]
    assert 0 < rounds["recovery after kill -9, s"]["umbel"][0] < 20


@pytest.mark.parametrize(
    ("fault", "sentence"), [("lose", "1 of 600 results are missing"), ("spoil", "1 of 600 results are wrong")]
)
def test_a_lost_or_wrong_result_fails_the_run(tmp_path, fault, sentence):
    done = run(
        tmp_path, "tests.benchmarks.faulty", "run", fault, "--only", "drain", "--count", "600", "--stall", "1"
    )  # fmt: skip
    assert done.returncode == 1
    assert sentence in done.stderr
    assert json.loads((tmp_path / "report" / "report.json").read_text())["failures"]


def test_a_dead_worker_fails_the_run(tmp_path):
    done = run(tmp_path, "tests.benchmarks.faulty", "run", "die", "--only", "drain", "--count", "600", "--stall", "1")
    assert done.returncode == 1
    assert "FAILED drain" in done.stderr


def test_a_name_that_nobody_has_is_one_sentence(tmp_path):
    done = run(tmp_path, "benchmarks", "--only", "rabbit")
    assert done.returncode == 1
    assert done.stderr.startswith("--only knows no rabbit; it takes: umbel, huey, celery, bare, drain")
