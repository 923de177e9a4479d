"""A probe answers from one file: it loads no app, no store and nothing of the command line that it does not need."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

from tests.conftest import UMBEL
from umbel import health

HEAVY = (
    "click", "rich", "msgspec", "apsw", "shop", "inspect", "importlib.metadata", "umbel.app", "umbel.loading",
    "umbel.broker", "umbel.backend", "umbel.conf", "umbel.adapters", "umbel.serialization", "umbel.worker.supervisor",
    "umbel.cli.group",
)  # fmt: skip


@pytest.fixture
def beating(shop):
    """A worker that seems to be well: the test itself."""
    path = shop.folder / "state" / "run" / "w1@here.health"
    health.write(str(path), health.Beat("w1@here", os.getpid(), time.monotonic(), time.monotonic(), ready=True))
    return path


def loaded(report):
    """Modules that an interpreter says it has imported."""
    return {line.rpartition("|")[2].strip() for line in report.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(
    "words",
    [
        ["health"],
        ["health", "--live"],
        ["health", "--ready", "-n", "w1@here"],
        ["health", "--ready", "--hostname=w1@%h", "--json"],
        ["-A", "shop", "health", "--file", "nowhere"],
        ["health", "-A", "shop", "--live"],
    ],
)
def test_a_probe_loads_next_to_nothing(shop, words):
    done = shop.processes.run(*words, program=UMBEL, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 1
    assert "nobody writes" in done.stdout or '"beat": null' in done.stdout
    modules = loaded(done.stderr)
    assert "umbel.health" in modules
    assert {name for name in modules if name in HEAVY or name.startswith(tuple(f"{one}." for one in HEAVY))} == set()


def test_the_module_is_as_quick_as_the_program(shop):
    done = shop.processes.run("-X", "importtime", "-m", "umbel", "health", program=sys.executable)
    assert done.returncode == 1
    assert not loaded(done.stderr) & set(HEAVY)


def test_it_says_who_lives_and_since_when(umbel, beating):
    said = umbel("health", "--live", "-n", "w1@here")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("live: w1@here, pid ")
    assert said.out.endswith(" s ago\n")
    assert umbel("health", "--ready", "--file", str(beating)).out.startswith("ready: w1@here")
    said = umbel("health", "--ready", "--json", "-n", "w1@here")
    assert (said.data["file"], said.data["ready"], said.data["beat"]["node"]) == (str(beating), True, "w1@here")


def test_no_worker_is_no(umbel):
    said = umbel("health", "--ready", "-n", "w2@here")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith("not ready: nobody writes ")
    assert umbel("health", "-n", "w2@here", "--json").data["beat"] is None


def test_an_old_beat_is_no(umbel, beating):
    facts = json.loads(beating.read_text())
    beating.write_text(json.dumps({**facts, "beat": facts["beat"] - 100}))
    said = umbel("health", "-n", "w1@here")
    assert said.code == 1
    assert said.out.startswith("not live: w1@here, pid ")


@pytest.mark.parametrize(
    ("words", "env", "code", "told"),
    [
        (["health", "--help"], {}, 0, "Answer a probe"),
        (["health", "--loud"], {}, 2, "No such option"),
        (["health", "-n"], {}, 2, "requires an argument"),
        (["-A", "health", "status"], {}, 64, "There is no module 'health'"),
        (["health"], {"UMBEL_HEALTH_HOSTNAME": "w1@here"}, 0, "live: w1@here"),
        (["health"], {"CELERY_HEALTH_HOSTNAME": "w1@here"}, 0, "live: w1@here"),
        (["--workdir", ".", "health", "-n", "w1@here"], {}, 0, "live: w1@here"),
    ],
)
def test_what_is_no_plain_probe_is_answered_as_any_command(shop, beating, words, env, code, told):
    done = shop.processes.run(*words, program=UMBEL, env=env)
    assert (done.returncode, told in done.stdout + done.stderr) == (code, True), done
