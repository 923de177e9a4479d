"""`umbel schedule add, edit, pause, ...` beside a running scheduler."""

from __future__ import annotations

import signal
from contextlib import closing

import pytest

from tests.cli.conftest import Said
from tests.support.until import until
from umbel import Umbel
from umbel.cli import run

SHOP = """
from umbel import Umbel
app = Umbel("shop", broker="sqlite:///queue.db")
app.conf.beat_schedule = {"daily": {"task": "shop.count", "schedule": 86400, "args": [1]}}

@app.task
def count(number):
    return number
"""


@pytest.fixture
def beat(project):
    project.write("shop.py", SHOP)
    beat = project.processes.python("-m", "umbel", "-A", "shop", "beat", "-l", "INFO", "-n", "b1@here")
    beat.until_output("b1@here leads now", timeout=30)
    return beat


@pytest.fixture
def schedule(project, beat, monkeypatch, capsys):
    """The command, in this process."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("UMBEL_STATE_DIR", str(project.folder / "state"))
    app = Umbel("shop", broker="sqlite:///queue.db", set_as_current=False)
    app.conf.beat_schedule = {"daily": {"task": "shop.count", "schedule": 86400, "args": [1]}}

    @app.task(name="shop.count")
    def count(number: int) -> int:
        return number

    def say(*words):
        code = run(["schedule", *words], app)
        return Said(code, *capsys.readouterr())

    def sent(number):
        with closing(app.broker.shelf()) as shelf:
            return sum(item.parcel.body.startswith(b"[[%d]" % number) for item in shelf.items("ready"))

    say.sent = sent
    return say


def test_what_is_changed_acts_within_a_second(schedule, beat):
    said = schedule("add", "often", "shop.count", "1", "-a", "[7]")
    assert (said.code, "shop.count by <freq: 1.00 second> (added by" in said.out) == (0, True), said
    until(lambda: schedule.sent(7), beat.output, timeout=10)
    assert "expires: 900.0" in schedule("edit", "often", "-a", "[8]", "--expires", "900").out
    until(lambda: schedule.sent(8), beat.output, timeout=10)
    assert schedule("pause", "often", "--until", "1h").code == 0
    until(lambda: "paused by" in schedule("why", "often").out, beat.output, timeout=10)
    rows = schedule("list", "--json").data["entries"]
    assert {row["name"]: row["source"] for row in rows} == {"daily": "code", "often": "paused"}
    schedule("resume", "often")
    before = schedule.sent(8)
    until(lambda: schedule.sent(8) > before, beat.output, timeout=10)
    schedule("remove", "often")
    assert "removed it" in schedule("why", "often").out
    assert beat.stop(signal.SIGTERM) == 0


def test_an_entry_of_the_code_is_run_by_hand_removed_and_reset(schedule, beat):
    task_id = schedule("run", "daily").out.strip()
    assert schedule.sent(1) == 1
    assert f"run by hand: {task_id}" in schedule("why", "daily").out
    schedule("remove", "daily")
    assert "umbel schedule reset daily" in schedule("why", "daily").out
    shown = schedule("show", "daily", "--json").data
    assert (shown["source"], shown["override"]["removed"]) == ("removed", True)
    assert "removed; umbel schedule reset" in schedule("next", "daily").err
    assert "(code)" in schedule("reset", "daily").out


def test_what_cannot_run_is_one_sentence(schedule):
    for words, code, sentence in (
        (("add", "x", "shop.counts", "1"), 64, "Did you mean 'shop.count'?"),
        (("add", "x", "shop.count", "0 0 31 2 *"), 64, "The entry x cannot run: The cron string"),
        (("add", "x", "shop.count", "evry(minutes=5)"), 64, "is no kind of schedule"),
        (("add", "x", "shop.count", "1"), 64, "missing a required argument"),
        (("edit", "daily"), 64, "Nothing of daily is to be changed"),
        (("pause", "daily", "--until", "soon"), 2, "no ISO 8601 time"),
        (("run", "dayly"), 66, "Did you mean 'daily'?"),
        (("reset", "nobody"), 66, "is not from the code"),
    ):
        said = schedule(*words)
        assert (said.code, sentence in said.err) == (code, True), said
        assert "Traceback" not in said.err


def test_health_tells_who_leads(project, schedule, beat):
    until(lambda: project.umbel("health", "--ready", "-n", "b1@here").returncode == 0, beat.output, timeout=20)
    assert "it leads the schedulers" in project.umbel("health", "-n", "b1@here").stdout
    assert beat.stop(signal.SIGTERM) == 0
    assert project.umbel("health", "-n", "b1@here").returncode == 1
