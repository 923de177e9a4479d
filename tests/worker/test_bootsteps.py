"""Bootsteps: in which order they are made, started and ended, and what they are made with."""

from __future__ import annotations

import pytest

from umbel import bootsteps
from umbel.exceptions import ImproperlyConfigured
from umbel.testing.clock import moved_clock
from umbel.utils.timer import Timer


class Parent:
    """What steps belong to."""

    def __init__(self) -> None:
        self.steps: list = []
        self.told: list[str] = []


class Told(bootsteps.StartStopStep):
    """Says what happens to it."""

    def create(self, parent):
        parent.told.append(f"create {self.alias}")

    def start(self, parent):
        parent.told.append(f"start {self.alias}")

    def close(self, parent):
        parent.told.append(f"close {self.alias}")

    def stop(self, parent):
        parent.told.append(f"stop {self.alias}")

    def terminate(self, parent):
        parent.told.append(f"terminate {self.alias}")


class Base(Told):
    pass


class Above(Told):
    requires = (Base, "celery.worker.components:Pool")


class Top(Told):
    requires = frozenset({f"{__name__}:Above"})


class Last(Told):
    label = "the last"
    last = True


@pytest.fixture
def parent():
    return Parent()


def test_what_a_step_requires_is_there_before_it(parent):
    steps = bootsteps.Blueprint([Last, Top], name="a.Worker").apply(parent)
    assert parent.told == ["create Base", "create Above", "create Top", "create the last"]
    assert (len(steps), steps.alias, steps[f"{__name__}.Top"].alias) == (4, "Worker", "Top")
    assert steps.human_state() == "initializing"
    parent.told.clear()
    steps.start(parent)
    assert (steps.human_state(), parent.told[0], parent.told[-1]) == ("running", "start Base", "start the last")
    parent.told.clear()
    steps.stop(parent)
    steps.stop(parent)
    ends = ["stop the last", "stop Top", "stop Above", "stop Base"]
    assert parent.told == ["close Base", "close Above", "close Top", "close the last", *ends]
    assert steps.human_state() == "terminating"


def test_who_does_not_want_to_wait(parent):
    steps = bootsteps.Blueprint([Base]).apply(parent)
    steps.start(parent)
    steps.stop(parent, close=False, terminate=True)
    assert parent.told == ["create Base", "start Base", "terminate Base"]


def test_a_circle_and_what_is_no_step_are_refused(parent):
    class One(bootsteps.Step):
        pass

    class Two(bootsteps.Step):
        requires = (One,)

    One.requires = (Two,)
    with pytest.raises(ImproperlyConfigured, match=r"in a circle: .*One"):
        bootsteps.Blueprint([One]).apply(parent)
    with pytest.raises(ImproperlyConfigured, match="is no bootstep"):
        bootsteps.Blueprint(["umbel:Umbel"]).apply(parent)


def test_only_what_is_wanted_is_created(parent):
    class Unwanted(Told):
        def include_if(self, parent):
            return False

    class Disabled(Told):
        enabled = False

    class Plain(bootsteps.Step):
        def create(self, parent):
            parent.told.append("create Plain")

    bootsteps.Blueprint([Unwanted, Disabled, Plain]).apply(parent).start(parent)
    assert (parent.told, parent.steps) == (["create Plain"], [])


def test_a_step_gets_the_options_that_it_takes(parent):
    given = {}

    class Some(bootsteps.Step):
        def __init__(self, parent, tenant=None):
            given["some"] = tenant

    class Every(bootsteps.Step):
        def __init__(self, parent, **options):
            given["every"] = options

    bootsteps.Blueprint([Some, Every]).apply(parent, tenant="acme", loglevel="INFO")
    assert given == {"some": "acme", "every": {"tenant": "acme", "loglevel": "INFO"}}


def test_what_was_not_started_is_not_stopped_and_one_that_fails_stops_no_other(parent, caplog):
    class Broken(Told):
        requires = (Base,)

        def start(self, parent):
            raise OSError("no port")

        def stop(self, parent):
            raise OSError("not even now")

    class After(Told):
        requires = (Broken,)

    steps = bootsteps.Blueprint([After]).apply(parent)
    with pytest.raises(OSError, match="no port"):
        steps.start(parent)
    parent.told.clear()
    steps.stop(parent)
    assert parent.told == ["close Base", "close Broken", "stop Base"]
    assert "not even now" in caplog.text


def test_an_object_is_started_and_stopped_for_its_step(parent):
    class Server:
        def start(self):
            parent.told.append("serve")

        def stop(self):
            parent.told.append("end")

    class Serving(bootsteps.StartStopStep):
        def create(self, parent):
            return Server()

        def info(self, obj):
            return {"port": 80}

    steps = bootsteps.Blueprint([Serving]).apply(parent)
    steps.start(parent)
    steps.stop(parent, terminate=True)
    assert (parent.told, steps.info(parent)) == (["serve", "end"], {"port": 80})
    assert (bootsteps.StartStopStep(parent).start(parent), bootsteps.StartStopStep(parent).terminate(parent)) == (
        None,
        None,
    )


class Channel:
    """A connection and its channel."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def channel(self):
        return self

    def close(self):
        self.told.append("close")
        raise OSError("gone already")


class Consuming:
    def __init__(self, channel) -> None:
        self.channel = channel

    def consume(self):
        self.channel.told.append("consume")

    def cancel(self):
        self.channel.told.append("cancel")


@pytest.mark.parametrize(("method", "told"), [("stop", ["cancel", "cancel", "close"]), ("shutdown", ["close"])])
def test_consumers_of_a_step(parent, method, told):
    class Mine(bootsteps.ConsumerStep):
        def get_consumers(self, channel):
            return [Consuming(channel), Consuming(channel)]

    parent.connection = Channel()
    steps = bootsteps.Blueprint([Mine]).apply(parent)
    steps.start(parent)
    steps.send_all(parent, method)
    assert parent.connection.told == ["consume", "consume", *told]
    parent.connection = None
    with pytest.raises(ImproperlyConfigured, match="Mine has no channel"):
        Mine(parent).start(parent)
    parent.connection = Channel()
    with pytest.raises(TypeError, match="get_consumers"):
        bootsteps.ConsumerStep(parent).start(parent)


def test_the_timer_calls_what_is_due(caplog):
    timer, told = Timer(), []

    def fail():
        raise ValueError("in the timer")

    with moved_clock(ticking=False) as hands:
        once = timer.call_after(5, told.append, ("once",))
        again = timer.call_repeatedly(2, told.append, ("again",))
        timer.call_after(1, fail)
        timer.call_after(3, told.append, ("never",)).cancel()
        timer.turn()
        assert told == []
        hands.advance(3)
        timer.turn()
        assert told == ["again"]
        hands.advance(3)
        timer.turn()
        assert told == ["again", "once", "again"]
        timer.cancel(again)
        hands.advance(9)
        timer.turn()
    assert (told, len(timer), once.cancelled) == (["again", "once", "again"], 0, False)
    assert "in the timer" in caplog.text
    timer.call_after(1, fail)
    timer.clear()
    assert len(timer) == 0
