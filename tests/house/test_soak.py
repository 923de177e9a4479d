"""The program behind `make soak`: rounds with seeds of their own, until one fails or the time is over."""

from __future__ import annotations

import re
import time

import pytest

from tests.support.scripts import load

SETTINGS = (
    "[tool.pytest]\nmarkers = ['chaos: c', 'soak: s']\naddopts = ['--strict-markers', '-p', 'no:cacheprovider']\n"
)
NOTES_ITS_SEED = """
import os, pathlib, pytest
@pytest.mark.chaos
def test_round():
    seeds = pathlib.Path("seeds")
    old = seeds.read_text().split() if seeds.exists() else []
    seeds.write_text(" ".join([*old, os.environ["UMBEL_CHAOS_SEED"]]))
    assert os.environ["UMBEL_CHAOS_FACTOR"] == "5"
    assert len(old) < 2
"""
HANGS = """
import pathlib, pytest, time
@pytest.fixture
def started():
    yield
    pathlib.Path("cleaned up").touch()
@pytest.mark.chaos
def test_long(started):
    time.sleep(600)
"""


@pytest.fixture
def soak(monkeypatch, tmp_path):
    """The program, over a project of one test."""
    module = load("soak")
    (tmp_path / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.setattr(module, "TOP", tmp_path)
    for name in ("UMBEL_SOAK_SECONDS", "UMBEL_CHAOS_FACTOR", "UMBEL_CHAOS_SEED", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_timeout -p _hypothesis_pytestplugin")
    return module


def test_rounds_have_seeds_of_their_own_and_the_failing_one_is_named(soak, tmp_path, capfd):
    (tmp_path / "test_it.py").write_text(NOTES_ITS_SEED, encoding="utf-8")
    assert soak.main([]) == 1
    seeds = (tmp_path / "seeds").read_text().split()
    assert len(set(seeds)) == 3
    said = capfd.readouterr().out
    assert re.findall(r"round (\d); to repeat it: UMBEL_CHAOS_FACTOR=5 UMBEL_CHAOS_SEED=(\d+) make soak", said) == [
        *((str(number), seed) for number, seed in enumerate(seeds, 1)), ("3", seeds[-1])
    ]  # fmt: skip


def test_a_given_seed_is_one_round(soak, tmp_path, monkeypatch):
    (tmp_path / "test_it.py").write_text(NOTES_ITS_SEED, encoding="utf-8")
    monkeypatch.setenv("UMBEL_CHAOS_SEED", "77")
    assert soak.main([]) == 0
    assert (tmp_path / "seeds").read_text() == "77"


def test_the_time_limit_ends_a_round_and_lets_it_clean_up(soak, tmp_path, monkeypatch, capfd):
    (tmp_path / "test_it.py").write_text(HANGS, encoding="utf-8")
    monkeypatch.setenv("UMBEL_SOAK_SECONDS", "3")
    begin = time.monotonic()
    assert soak.main([]) == 0
    assert time.monotonic() - begin < 60
    assert (tmp_path / "cleaned up").exists()
    assert "nothing failed in 1 round(s), the last one cut short" in capfd.readouterr().out
