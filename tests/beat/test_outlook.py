"""What `umbel schedule` says."""

from __future__ import annotations

import json
import signal

import pytest

from tests.beat.scene import NOON, World
from tests.support.until import until
from umbel import Umbel
from umbel.app.roster import Listed, Roster
from umbel.beat import AppSender, outlook
from umbel.schedules import BeatLazyFunc, at, every

ENTRIES = {
    "minutely": {"task": "shop.report", "schedule": every(minutes=1), "catch_up": "skip"},
    "daily": {"task": "shop.report", "schedule": at("09:00", tz="Asia/Shanghai"), "overlap": "skip"},
    "over": {"task": "shop.report", "schedule": every(minutes=1, end="2020-01-01")},
}


@pytest.fixture
def world():
    return World(ENTRIES)


def of_code(entry):
    return Listed(entry.name, "code", entry)


def told(world, name, *, renewed=True):
    coordinator = world.broker.coordinator("shop")
    return outlook.why(
        of_code(world.entries[name]), coordinator.look(), coordinator.history(name), coordinator.history(""), world.now,
        renewed=renewed,
    )  # fmt: skip


def test_nobody_schedules(world):
    assert told(world, "minutely", renewed=False)[2:4] == [
        "No scheduler has ever run over this store: start umbel beat.",
        "No scheduler has seen this entry: the one that leads was started before it was there, or none ran.",
    ]


def test_what_happened_to_an_entry_is_told_with_changes_of_the_leader(world):
    first, _ = world.start(), world.start()
    world.run(70)
    world.kill(first)
    world.run(120)
    sentences = told(world, "minutely")
    assert sentences[:3] == [
        "minutely runs shop.report by every(seconds=60.0), in the time zone UTC.", "Of it is said: catch_up skip.",
        "beat2@sim leads.",
    ]  # fmt: skip
    assert sentences[3:-1] == [
        "2027-01-15 08:03:00+00:00  The run of 2027-01-15 08:03:00+00:00 was sent.",
        "2027-01-15 08:02:00+00:00  The run of 2027-01-15 08:02:00+00:00 was sent.",
        "2027-01-15 08:01:17+00:00  beat2@sim took the lead.",
        "2027-01-15 08:01:00+00:00  The run of 2027-01-15 08:01:00+00:00 was sent.",
        "2027-01-15 08:00:00+00:00  The entry was seen for the first time.",
        "2027-01-15 08:00:00+00:00  beat1@sim took the lead.",
    ]
    assert sentences[-1] == "It runs next at 2027-01-15 08:04:00+00:00, in 50 s."


def test_the_zone_and_the_policy_of_an_entry_are_told(world):
    world.start()
    world.run(1)
    sentences = told(world, "daily")
    assert sentences[0].endswith("in the time zone Asia/Shanghai.")
    assert sentences[1] == "Of it is said: overlap skip."
    assert sentences[-1] == "It runs next at 2027-01-16 09:00:00+08:00, in 61199 s."


def test_silence_and_lateness_are_told(world):
    world.kill(world.start())
    world.start()
    world.run(62)
    world.now += 600
    sentences = told(world, "minutely", renewed=False)
    assert "beat2@sim should lead, and is silent: it is dead, stopped, or cannot reach the store." in sentences
    assert sentences[-1].startswith("It should have run at 2027-01-15 08:02:00+00:00, 542 s ago")
    assert told(world, "over")[-1] == "It does not run any more: its schedule has no other time."


def test_who_ended_is_told(world):
    name = world.start()
    world.run(1)
    world.alive[name].resign()
    assert "No scheduler runs: beat1@sim was the last, and ended. Start umbel beat." in told(world, "minutely")


def test_rows_and_coming_runs(world):
    world.start()
    world.run(61)
    standing = world.broker.coordinator("shop").look()
    rows = {row.name: row for row in outlook.rows(map(of_code, world.entries.values()), standing, world.now)}
    assert (rows["minutely"].last, rows["minutely"].next, rows["minutely"].lag) == (NOON + 60, NOON + 120, 0.0)
    assert (rows["over"].last, rows["over"].next) == (None, None)
    late = {row.name: row.lag for row in outlook.rows(map(of_code, world.entries.values()), standing, world.now + 100)}
    assert late["minutely"] == 41.0
    found = outlook.coming(world.entries.values(), standing, world.now, 3)
    assert found == [(NOON + 60 * number, "minutely") for number in (2, 3, 4)]
    found = outlook.coming(world.entries.values(), standing, world.now + 3600, 1)
    assert found == [(NOON + 3720, "minutely")], "nobody has sent anything for an hour: those are not to come"


def test_entries_that_receivers_add_are_there():
    """Celery's two ways to add one from code."""
    app = Umbel("shop", broker="memory://", set_as_current=False)

    @app.task(name="shop.count")
    def count():
        return 1

    @app.on_after_finalize.connect
    def behind(sender, **kwargs):
        sender.add_periodic_task(5.0, count.s(), name="finalized", overlap="skip", expires=9)

    @app.on_after_configure.connect
    def before(sender, **kwargs):
        sender.add_periodic_task(at("09:00"), count.s(), name="configured", catch_up="all")

    good = {one.name: one.entry for one in Roster(app).listed()}
    assert {*good} == {"finalized", "configured"}
    assert (good["finalized"].policy.overlap, good["finalized"].policy.expires) == ("skip", None)
    assert good["finalized"].options["expires"] == 9, "there it is Celery's: seconds after the sending"
    assert good["configured"].policy.catch_up == "all"
    with pytest.raises(ValueError, match="write one of skip, last, all"):
        app.add_periodic_task(5.0, count.s(), catch_up="sometimes")


def test_arguments_may_be_made_when_an_entry_is_sent():
    """Celery's `BeatLazyFunc`."""
    app = Umbel("shop", broker="memory://", set_as_current=False)
    made = iter("ab")
    app.conf.beat_schedule = {
        "lazy": {"task": "shop.count", "schedule": 5, "args": [BeatLazyFunc(next, made)], "kwargs": {"plain": 1}},
    }
    entry = Roster(app).find("lazy").entry
    sender = AppSender(app)
    bodies = [json.loads(parcel.body)[:2] for _ in "ab" for parcel in sender.compose(entry, "id", 0)]
    assert bodies == [[["a"], {"plain": 1}], [["b"], {"plain": 1}]]


def test_the_commands(project):
    project.write(
        "shop.py",
        """
        from umbel import Umbel
        app = Umbel("shop", broker="sqlite:///shop.db")
        app.conf.beat_schedule = {
            "often": {"task": "shop.count", "schedule": 0.5},
            "bad": {"task": "shop.count", "schedule": -1},
        }
        """,
    )
    beat = project.processes.python("-m", "umbel", "-A", "shop", "beat", "-l", "INFO", "-n", "b1@here")
    beat.until_output("sending shop.count", timeout=30)

    def ask(*words):
        done = project.umbel("-A", "shop", "schedule", *words, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    listed = ask("list")
    assert (listed["leader"], listed["term"], [*listed["bad"]]) == ("b1@here", 1, ["bad"])
    assert [(row["name"], row["schedule"]) for row in listed["entries"]] == [("often", "<freq: now>"), ("bad", "")]
    assert listed["alive"] is True
    assert listed["entries"][0]["last"] < listed["entries"][0]["next"]
    assert [run["name"] for run in ask("next", "--limit", "3")] == ["often"] * 3
    assert "b1@here leads." in ask("why", "often")["sentences"]
    assert ask("why", "bad")["sentences"][0].startswith("The entry bad cannot run")
    assert beat.stop(signal.SIGTERM) == 0
    until(lambda: ask("list")["leader"] is None)
    nobody = project.umbel("-A", "shop", "schedule", "why", "ofen")
    assert (nobody.returncode, "Did you mean 'often'?" in nobody.stderr) == (66, True)
