"""The profile names real steps of the path, and its shares add up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import profile
from tests.support.servers import program

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", sorted({path for steps in profile.PROBES.values() for _, path in steps}))
def test_every_step_is_a_function_of_the_package(path):
    holder, name = profile.place(path)
    assert callable(getattr(holder, name))


def test_a_step_that_was_renamed_is_noticed():
    with pytest.raises(AttributeError):
        profile.place("umbel.worker.runner:Runner.gone")


def test_a_steps_time_is_its_own():
    watch = profile.Watch()

    def turn(seconds):
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    inner = watch.around("inner", lambda: turn(0.02))
    outer = watch.around("outer", lambda: (turn(0.01), inner()))
    started = time.perf_counter()
    outer()
    whole = time.perf_counter() - started
    assert watch.calls == {"inner": 1, "outer": 1}
    assert watch.seconds["inner"] >= 0.02
    assert watch.seconds["outer"] >= 0.01
    assert watch.seconds["inner"] + watch.seconds["outer"] <= whole


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_it_prints_the_shares_of_a_real_drain(store):
    if store == "redis":
        program("redis-server")
    env = {**os.environ, "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "profile", "--store", store, "--count", "400"],
        cwd=TOP, env=env, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| call the function |" in done.stdout
    assert "one child, 400 no-ops:" in done.stdout
