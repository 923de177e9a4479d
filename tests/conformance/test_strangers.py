"""A stranger's store, in a stranger's test file, passes or fails the suites as the package says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STRANGER = """
import pytest
from umbel.adapters.memory import MemoryBackend, MemoryBroker, MemoryStore
from umbel.testing.conformance.backend import BackendSuite
from umbel.testing.conformance.broker import BrokerSuite


class Lab:
    patience, histories, many = 5.0, 2, 100

    def __init__(self):
        self.store = MemoryStore()

    def broker(self):
        return MemoryBroker(self.store)

    def backend(self):
        return MemoryBackend(self.store)

    def enlist(self, owner):
        self.broker().owners().enlist(owner)

    def kill(self, owner):
        {kill}

    def fresh(self):
        return Lab()

    def close(self):
        pass


@pytest.fixture
def lab():
    return Lab()


class TestStranger(BrokerSuite, BackendSuite):
    pass
"""


def run(folder, kill, *options):
    (folder / "test_stranger.py").write_text(STRANGER.format(kill=kill))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, *options, folder]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=folder
    )


def test_a_strangers_store_passes(tmp_path):
    done = run(tmp_path, "self.store.kill(owner.nonce)")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_failure_shows_what_was_there_and_what_should_be(tmp_path):
    done = run(tmp_path, "pass", "-k", "rescue_finds_the_dead")
    assert done.returncode == 1
    assert "assert 0 == 2" in done.stdout
