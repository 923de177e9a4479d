"""Parts of the calling side that stand on their own."""

from __future__ import annotations

import signal

import pytest

from umbel import Umbel, allow_join_result
from umbel.context import Context
from umbel.current import pop_request, push_request
from umbel.message import Headers
from umbel.proxy import Proxy
from umbel.result import assert_will_not_block, denied_join_result, task_join_will_block
from umbel.withdraw import lifetime, signal_name, state_record


def test_waiting_is_refused_in_a_running_task_only():
    assert not task_join_will_block()
    direct = push_request("t", Context(Headers("t", "1"), called_directly=True))
    assert not task_join_will_block()
    pop_request(direct)
    token = push_request("t", Context(Headers("t", "1")))
    try:
        with pytest.raises(RuntimeError, match="inside a task"):
            assert_will_not_block()
        with allow_join_result():
            assert not task_join_will_block()
            with denied_join_result():
                assert task_join_will_block()
            assert not task_join_will_block()
        assert task_join_will_block()
    finally:
        pop_request(token)


def test_a_proxy_is_what_it_stands_for():
    values = {"now": [1, 2]}
    proxy = Proxy(lambda: values["now"], "values")
    assert isinstance(proxy, list)
    assert (len(proxy), bool(proxy), proxy == [1, 2], repr(proxy), str(proxy)) == (2, True, True, "[1, 2]", "[1, 2]")
    values["now"] = []
    assert not proxy
    app = Umbel("stands", broker="memory://stands", set_as_current=False)
    values["now"] = app
    proxy.answer = 42
    assert (app.answer, hash(proxy), proxy == proxy, "answer" in dir(proxy)) == (42, hash(app), True, True)  # noqa: PLR0124
    del proxy.answer
    assert not hasattr(app, "answer")


@pytest.mark.parametrize(
    ("given", "name"),
    [(None, "SIGTERM"), ("SIGKILL", "SIGKILL"), ("int", "SIGINT"), (9, "SIGKILL"), (signal.SIGUSR1, "SIGUSR1")],
)
def test_signals_by_name_and_number(given, name):
    assert signal_name(given) == name


def test_a_state_as_celery_writes_it():
    record = state_record("i", "PROGRESS", {"n": 1}, expires=0, children=[], parent_id="p", group_id="g")
    assert record.document == (
        b'{"status":"PROGRESS","result":{"n":1},"traceback":null,"children":[],"date_done":null,"group_id":"g",'
        b'"parent_id":"p","task_id":"i"}'
    )
    assert (record.status, record.expires) == ("PROGRESS", 0.0)
    done = state_record("i", "REVOKED", None, expires=60)
    assert done.expires > 0
    assert b'"date_done":"20' in done.document


def test_lifetimes():
    assert (lifetime(None), lifetime(0), lifetime(90)) == (0.0, 0.0, 90.0)
