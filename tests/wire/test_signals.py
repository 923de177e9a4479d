from __future__ import annotations

import functools
import gc
import inspect
import threading

import pytest

from umbel import signals
from umbel.signals import Signal


@pytest.fixture
def signal():
    return Signal(name="happened", providing_args=["value"])


def receiver(sender, value=None, **kwargs):
    return sender, value, sorted(kwargs)


def answers(sent):
    return [answer for _, answer in sent]


def test_receivers_get_sender_signal_and_the_named_values(signal):
    assert signal.connect(receiver) is receiver
    assert signal.send(sender="me", value=5) == [(receiver, ("me", 5, ["signal"]))]
    assert signal.send("me") == [(receiver, ("me", None, ["signal"]))]


def test_all_forms_of_connecting(signal):
    @signal.connect
    def plain(**kwargs):
        return "plain"

    @signal.connect()
    def empty(**kwargs):
        return "empty"

    @signal.connect(sender="x")
    def narrow(**kwargs):
        return "narrow"

    signal.connect(receiver, "x")
    assert answers(signal.send("x")) == ["plain", "empty", "narrow", ("x", None, ["signal"])]
    assert answers(signal.send("y")) == ["plain", "empty"]


class Sender:
    def method(self):
        pass


def test_a_sender_is_the_same_object_or_an_equal_text(signal):
    one, other = Sender(), Sender()
    signal.connect(receiver, sender=one)
    signal.connect(receiver, sender="tasks.add")
    signal.connect(receiver, sender=one.method)
    assert len(signal.send(one)) == 1
    assert len(signal.send(one.method)) == 1
    assert signal.send(other) == signal.send(other.method) == []
    assert len(signal.send("tasks.{}".format("add"))) == 1
    assert signal.has_listeners("tasks.add")
    assert not signal.has_listeners("tasks.sub")


def test_a_proxy_stands_for_what_it_shows(signal):
    class Proxy:
        def __init__(self, target):
            self.target = target

        def _get_current_object(self):
            return self.target

    task = Sender()
    signal.connect(receiver, sender=Proxy(task))
    assert len(signal.send(task)) == 1
    assert len(signal.send(Proxy(task))) == 1


def test_one_receiver_is_connected_once(signal):
    signal.connect(receiver)
    signal.connect(receiver)
    assert len(signal.receivers) == 1
    signal.connect(receiver, sender="x")
    assert len(signal.receivers) == 2


def test_a_dispatch_uid_is_connected_once_whatever_the_function(signal):
    def other(**kwargs):
        return "other"

    signal.connect(receiver, dispatch_uid="mine")
    signal.connect(other, dispatch_uid="mine")
    assert [function for function, _ in signal.send("x")] == [receiver]
    assert signal.disconnect(dispatch_uid="mine")
    assert not signal.receivers


def test_disconnecting_tells_whether_there_was_one(signal):
    signal.connect(receiver)
    assert not signal.disconnect(receiver, sender="x")
    assert signal.disconnect(receiver)
    assert not signal.disconnect(receiver)
    assert signal.send("x") == []


def test_a_receiver_that_nobody_holds_is_gone_at_once(signal):
    class Part:
        def heard(self, **kwargs):
            return "heard"

    part = Part()
    signal.connect(part.heard)
    signal.connect(lambda **_kwargs: 1)
    assert answers(signal.send("x")) == ["heard"]
    del part
    gc.collect()
    assert signal.receivers == []
    assert not signal.has_listeners()


def test_a_strong_receiver_stays(signal):
    signal.connect(lambda **_kwargs: "kept", weak=False)
    gc.collect()
    assert answers(signal.send("x")) == ["kept"]


def test_partials_and_objects_may_listen(signal):
    class Called:
        def __call__(self, **kwargs):
            return "called"

    called, part = Called(), functools.partial(receiver, value=3)
    signal.connect(called)
    signal.connect(part)
    assert answers(signal.send("x")) == ["called", ("x", 3, ["signal"])]


def test_a_receiver_must_take_keywords(signal):
    with pytest.raises(ValueError, match=r"must accept keyword arguments; add \*\*kwargs"):
        signal.connect(lambda _sender: None)


def test_an_error_is_logged_answered_and_goes_no_further(signal, caplog):
    def fails(**kwargs):
        raise KeyError("oops")

    signal.connect(fails)
    signal.connect(receiver)
    [first, second] = signal.send("x")
    assert first[0] is fails
    assert isinstance(first[1], KeyError)
    assert second == (receiver, ("x", None, ["signal"]))
    [record] = caplog.records
    assert (record.name, record.levelname) == ("umbel.signals", "ERROR")
    assert "fails" in record.getMessage()
    assert "happened" in record.getMessage()


def test_a_stop_of_the_process_passes_through(signal):
    def stops(**kwargs):
        raise SystemExit(3)

    signal.connect(stops)
    with pytest.raises(SystemExit):
        signal.send("x")


def test_a_receiver_may_ask_to_be_run_again(signal, monkeypatch, caplog):
    pauses: list[float] = []
    monkeypatch.setattr(signals, "_pause", pauses.append)

    @signal.connect(retry=True)
    def settles(**kwargs):
        if len(pauses) < 3:
            raise ConnectionError("not yet")
        return "settled"

    assert answers(signal.send("x")) == ["settled"]
    assert pauses == [2, 4, 6]
    assert len(caplog.records) == 3


def test_running_again_has_an_end(signal, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(signals, "_pause", pauses.append)

    @signal.connect(retry=True)
    def never(**kwargs):
        raise ConnectionError("no")

    [answer] = answers(signal.send("x"))
    assert isinstance(answer, ConnectionError)
    assert pauses == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]


def test_receivers_may_come_and_go_while_it_is_sent(signal):
    def once(**kwargs):
        signal.disconnect(once)
        signal.connect(receiver)
        return "once"

    def after(**kwargs):
        return "after"

    signal.connect(once)
    signal.connect(after)
    assert answers(signal.send("x")) == ["once", "after"]
    assert answers(signal.send("x")) == ["after", ("x", None, ["signal"])]


def test_threads_may_connect_and_send_together(signal):
    made = [functools.partial(receiver, value=number) for number in range(400)]
    failed: list[BaseException] = []

    def send():
        try:
            while len(signal.receivers) < len(made):
                signal.send("x")
        except BaseException as error:
            failed.append(error)

    def connect(half):
        for part in half:
            signal.connect(part)

    threads = [threading.Thread(target=connect, args=(half,)) for half in (made[::2], made[1::2])]
    threads.append(threading.Thread(target=send))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [thread for thread in threads if thread.is_alive()] == []
    assert failed == []
    assert len(signal.send("x")) == 400


NAMES = [
    "after_setup_logger",
    "after_setup_task_logger",
    "after_task_publish",
    "beat_embedded_init",
    "beat_init",
    "before_task_publish",
    "celeryd_after_setup",
    "celeryd_init",
    "eventlet_pool_apply",
    "eventlet_pool_postshutdown",
    "eventlet_pool_preshutdown",
    "eventlet_pool_started",
    "heartbeat_sent",
    "import_modules",
    "setup_logging",
    "task_failure",
    "task_internal_error",
    "task_postrun",
    "task_prerun",
    "task_received",
    "task_rejected",
    "task_retry",
    "task_revoked",
    "task_sent",
    "task_success",
    "task_unknown",
    "user_preload_options",
    "worker_before_create_process",
    "worker_init",
    "worker_process_init",
    "worker_process_shutdown",
    "worker_ready",
    "worker_shutdown",
    "worker_shutting_down",
]


def test_the_signals_of_celery():
    found = {name: value for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert sorted(found) == sorted(NAMES)
    assert [name for name, value in found.items() if value.name != name] == []
    assert [name for name, value in found.items() if value.receivers] == []


def test_connect_is_called_as_in_celery():
    assert str(inspect.signature(Signal.__init__)).startswith("(self, providing_args")
    assert list(inspect.signature(Signal.connect).parameters) == ["self", "args", "kwargs"]
    assert list(inspect.signature(Signal.disconnect).parameters) == [
        "self",
        "receiver",
        "sender",
        "weak",
        "dispatch_uid",
    ]
    assert list(inspect.signature(Signal.send).parameters) == ["self", "sender", "named"]
