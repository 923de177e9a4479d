"""Entries that are changed while a scheduler runs: by the API, and by a file."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from umbel import Umbel, clock
from umbel.adapters.memory import discard_store
from umbel.app.roster import Roster
from umbel.beat import AppSender, Beat
from umbel.beat.service import Watched
from umbel.exceptions import NotFound
from umbel.schedules import at, crontab, every
from umbel.testing.clock import moved_clock

CODE = {
    "minutely": {"task": "shop.count", "schedule": every(minutes=1), "args": [1], "options": {"queue": "code"}},
    "rarely": {"task": "shop.count", "schedule": at("09:00", tz="Asia/Shanghai"), "args": [2]},
}


class Shop:
    """An app and the schedulers over it, in time that is moved."""

    def __init__(self, hands, stack, path=None, broker="memory://live"):
        self.hands, self.stack = hands, stack
        self.app = Umbel("shop", broker=broker, set_as_current=False)
        self.app.conf.beat_schedule = dict(CODE)
        if path:
            self.app.conf.beat_entries_file = str(path)

        @self.app.task(name="shop.count")
        def count(number: int) -> int:
            return number

        self.schedules = self.app.schedules
        self.beat = self.start()

    def start(self, node="b1@here"):
        held = self.stack.enter_context
        roster = Roster(self.app)
        entries = {one.name: one.entry for one in roster.listed() if one.entry}
        roster.watch(held(closing(self.app.overrides())))
        coordinator = held(closing(self.app.coordinator()))
        return Beat(
            coordinator, entries, AppSender(self.app), scope="shop", node=node, changes=Watched(roster)
        )  # fmt: skip

    def run(self, seconds):
        end = clock.wall() + seconds
        while (left := end - clock.wall()) > 0.0001:
            self.hands.advance(min(left, max(self.beat.step(), 0.001)))
        self.beat.step()

    def sent(self):
        """(entry, its argument, queue) of each message, oldest first; takes them away."""
        shelf = self.app.broker.shelf()
        items = list(shelf.items("ready"))
        shelf.delete("ready", [item.tag for item in items])
        shelf.close()
        return [(json.loads(item.parcel.body)[0][0], item.parcel.queue) for item in items]

    def history(self, name):
        with closing(self.app.coordinator()) as coordinator:
            return [(one.what, one.detail, one.node) for one in coordinator.history(name)]


@contextmanager
def opened(path, **options):
    with moved_clock(ticking=False) as hands, ExitStack() as stack:
        hands.advance(60 - clock.wall() % 60 + 0.5)
        yield Shop(hands, stack, path, **options)


@pytest.fixture
def shop(tmp_path):
    with opened(tmp_path / "entries.toml") as shop:
        yield shop
    discard_store("memory://live")


def test_an_added_entry_runs_within_a_second(shop):
    shop.run(1)
    shop.schedules.add("often", "shop.count", "every(seconds=1)", [7], options={"queue": "added"}, by="ann@desk")
    shop.run(3)
    assert shop.sent() in ([(7, "added")] * 2, [(7, "added")] * 3)
    assert shop.history("often")[-1] == ("changed", "added", "ann@desk")
    assert [(one.name, one.source) for one in shop.schedules.all()] == [
        ("minutely", "code"), ("rarely", "code"), ("often", "added"),
    ]  # fmt: skip


def test_an_edit_of_the_code_s_entry_keeps_what_it_does_not_name(shop):
    shop.run(1)
    shop.schedules.edit("minutely", schedule=every(seconds=10))
    shop.run(20)
    assert shop.sent() == [(1, "code")] * 2
    listed = shop.schedules.get("minutely")
    assert (listed.source, listed.entry.schedule) == ("edited", every(seconds=10))
    shop.schedules.reset("minutely")
    shop.run(38)
    assert shop.sent() == []
    assert shop.schedules.get("minutely") == Roster(shop.app).find("minutely")
    assert [detail for what, detail, _ in shop.history("minutely") if what == "changed"] == [
        "as the code has it again", "edited: schedule every(seconds=10.0)",
    ]  # fmt: skip


def test_edits_add_up(shop):
    shop.schedules.edit("minutely", args=[5])
    shop.schedules.edit(
        "minutely", overlap="skip", options={"queue": "other"}, kwargs={"password": "hunter2"}, any_task=True
    )
    assert shop.history("minutely")[0][1] == "edited: overlap skip, options, kwargs"
    entry = shop.schedules.get("minutely").entry
    assert (entry.args, entry.policy.overlap, entry.options) == ([5], "skip", {"queue": "other"})
    assert shop.schedules.edit("minutely", overlap=None, kwargs=None).entry.policy.overlap == "allow"


def test_a_paused_entry_leaves_its_ticks_out_and_makes_up_for_none(shop):
    shop.run(1)
    shop.schedules.pause("minutely", by="ann@desk")
    shop.run(180)
    assert shop.sent() == []
    assert shop.history("minutely")[0][:2] == ("skipped", "paused by ann@desk")
    shop.schedules.resume("minutely")
    shop.run(60)
    assert shop.sent() == [(1, "code")]


def test_a_pause_ends_by_itself(shop):
    shop.run(1)
    shop.schedules.pause("minutely", timedelta(seconds=90))
    assert shop.schedules.get("minutely").source == "paused"
    shop.run(121)
    assert shop.sent() == [(1, "code")]


def test_a_pause_holds_for_the_next_leader(shop):
    shop.run(1)
    shop.schedules.pause("minutely")
    shop.beat.resign()
    shop.beat = shop.start("b2@here")
    shop.run(120)
    assert shop.sent() == []


def test_a_removed_entry_is_not_sent(shop):
    shop.schedules.add("often", "shop.count", 1, [7])
    shop.run(2)
    assert shop.sent()
    shop.schedules.remove("often")
    shop.schedules.remove("minutely")
    shop.run(0.8)
    shop.sent()
    shop.run(120)
    assert shop.sent() == []
    assert shop.history("often") == []
    assert shop.schedules.get("minutely").source == "removed"
    with pytest.raises(NotFound, match="no entry 'often'"):
        shop.schedules.get("often")
    with pytest.raises(ValueError, match="was removed; reset it first"):
        shop.schedules.run("minutely")
    shop.schedules.reset("minutely")
    shop.run(60)
    assert shop.sent() == [(1, "code")]


def test_one_that_is_removed_and_added_again_at_once_goes_on(shop):
    """The leader's own mark of it is gone then."""
    shop.schedules.add("often", "shop.count", 1, [7])
    shop.run(2.1)
    shop.sent()
    shop.schedules.remove("often")
    shop.schedules.add("often", "shop.count", 1, [8])
    shop.run(4)
    assert (8, "celery") in shop.sent()


def test_run_now_sends_beside_the_schedule(shop):
    shop.schedules.pause("rarely")
    result = shop.schedules.run("rarely", by="ann@desk")
    assert shop.sent() == [(2, "celery")]
    assert shop.history("rarely")[0] == ("changed", f"run by hand: {result.id}", "ann@desk")


def test_a_file_of_entries_acts_within_a_second(shop, tmp_path, caplog):
    path = tmp_path / "entries.toml"
    shop.run(1)
    path.write_text('[often]\ntask = "shop.count"\nschedule = "1"\nargs = [7]\n')
    shop.run(3)
    assert shop.sent() in ([(7, "celery")] * 2, [(7, "celery")] * 3)
    assert shop.schedules.get("often").source == "file"
    path.write_text("[often\n")
    shop.run(2)
    assert shop.sent() == [(7, "celery")] * 2, "what was read before stays"
    assert "entries.toml cannot be read" in caplog.text
    path.write_text('[minutely]\ntask = "shop.count"\nschedule = "every(seconds=5)"\nargs = [9]\n')
    shop.run(1)
    shop.sent()
    shop.run(10)
    assert shop.sent() == [(9, "celery")] * 2


def test_a_bad_entry_of_a_file_does_not_stop_the_others(shop, tmp_path, caplog):
    path = tmp_path / "entries.toml"
    path.write_text(
        '[bad]\ntask = "shop.count"\nschedule = "0 0 31 2 *"\n[good]\ntask = "shop.count"\nschedule = 1\nargs = [3]\n'
    )
    shop.run(3)
    assert (3, "celery") in shop.sent()
    assert "The entry bad cannot run" in caplog.text
    assert shop.schedules.get("bad").wrong.startswith("The entry bad cannot run")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("x", "shop.count", "0 0 31 2 *", [1]), "The entry x cannot run: The cron string"),
        (("x", "shop.count", -1, [1]), "An interval of -1 seconds is negative"),
        (("x", "shop.count", "at('09:00', tz='Europe/Atlantis')", [1]), "Europe/Atlantis"),
        (("x", "shop.counts", 1, [1]), "there is no task 'shop.counts' here. Did you mean 'shop.count'?"),
        (("x", "shop.count", 1), "missing a required argument|missing 1 required"),
        (("x", "shop.count", object(), [1]), "cannot be written as a text"),
        (("x", "shop.count", "every(minute=1)", [1]), "every got an unexpected keyword argument 'minute'"),
        (("minutely", "shop.count", 1, [1]), "There is an entry minutely already"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_before_it_is_stored(shop, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        shop.schedules.add(*given)
    assert [one.source for one in shop.schedules.all()] == ["code", "code"]


def test_a_bad_edit_is_refused(shop):
    for changes, sentence in (
        ({"overlap": "sometimes"}, "write one of allow, skip"),
        ({"colour": "red"}, "colour, which no entry has"),
        ({"task": "nobody.knows"}, "no task 'nobody.knows'"),
        ({}, "Nothing of minutely is to be changed"),
    ):
        with pytest.raises(ValueError, match=sentence):
            shop.schedules.edit("minutely", **changes)
    for change in (shop.schedules.edit, shop.schedules.pause, shop.schedules.remove, shop.schedules.run):
        with pytest.raises(NotFound, match="Did you mean 'minutely'"):
            change("minutley", **({"args": [1]} if change == shop.schedules.edit else {}))
    with pytest.raises(ValueError, match="is over"):
        shop.schedules.pause("minutely", datetime(2020, 1, 1, tzinfo=UTC))
    assert shop.schedules.get("minutely").override is None


def test_a_task_that_only_workers_know(shop):
    listed = shop.schedules.add("far", "other.task", crontab(minute=0), any_task=True)
    assert repr(listed.entry.schedule) == "<crontab: 0 * * * * (m/h/dM/MY/d)>"


def test_two_who_change_one_entry_at_once_both_do(shop):
    """Who is slower reads again."""
    slow = shop.app.overrides()
    real, calls = slow.change, []

    def change(name, *rest, **more):
        if not calls:
            calls.append(name)
            shop.app.schedules.pause("minutely")
        return real(name, *rest, **more)

    slow.change = change
    with closing(slow):
        schedules = shop.app.schedules
        schedules._app = _With(shop.app, slow)
        schedules.edit("minutely", args=[4])
    listed = shop.schedules.get("minutely")
    assert (listed.entry.args, listed.source) == ([4], "paused")


class _With:
    """The app, with overrides that somebody else is faster in."""

    def __init__(self, app, overrides):
        self._app, self._overrides = app, overrides

    def overrides(self):
        return self._overrides

    def __getattr__(self, name):
        return getattr(self._app, name)
