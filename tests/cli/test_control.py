"""`umbel control`, and questions about what it changed."""

from __future__ import annotations

import json

import pytest

from tests.support.until import until
from umbel import Umbel
from umbel.exceptions import SoftTimeLimitExceeded, TaskRevokedError
from umbel.worker.control import Panel

COMMANDS = """
from umbel.worker.control import control_command, inspect_command
from shop import app

@inspect_command(args=[("shelf", int)], signature="<shelf>")
def stock(state, shelf):
    \"\"\"What is on a shelf.\"\"\"
    return {"shelf": shelf, "node": state.hostname, "app": state.app.main}

@control_command(name="paint", alias="colour")
def painted(state, colour="red", **_):
    return {"ok": f"painted {colour}"}
"""
TIMEOUT = 20.0


@pytest.fixture
def app(shop):
    """The shop's store, as a client in this process sees it."""
    with Umbel("shop", broker=f"sqlite:///{shop.folder}/shop.db", set_as_current=False) as app:
        yield app


@pytest.fixture
def ask(app):
    """One answer of the worker w1@here."""

    def ask(command, **arguments):
        [said] = app.control.broadcast(command, arguments, ["w1@here"], reply=True, timeout=TIMEOUT)
        return said["w1@here"]

    return ask


def test_a_running_worker_is_changed(working, app, ask):
    worker = working("-c", "1", "-n", "w1@here")
    assert ask("add_consumer", queue="letters") == {"ok": "add consumer letters"}
    assert app.send_task("shop.add", (2, 3), queue="letters").get(timeout=TIMEOUT) == 5
    assert ask("cancel_consumer", queue="celery") == {"ok": "no longer consuming from celery"}
    assert [queue["name"] for queue in ask("active_queues")] == ["letters"]
    assert ask("stats")["total"] == {"shop.add": 1}
    assert ask("pool_grow", n=2) == {"ok": "pool will grow"}
    until(lambda: len(ask("stats")["pool"]["processes"]) == 3, worker.output, timeout=30)
    assert ask("pool_shrink", n=2) == {"ok": "pool will shrink"}
    until(lambda: len(ask("stats")["pool"]["processes"]) == 1, worker.output, timeout=30)
    assert "of which one stays" in ask("pool_shrink")["error"]
    assert "shop.add" in ask("registered")
    assert ask("rate_limit", task_name="shop.add", rate_limit="5/h") == {"ok": "new rate limit set successfully"}
    assert "shop.add [rate_limit=5/h]" in ask("registered")
    assert ask("time_limit", task_name="shop.hold", soft=0.5, hard=9) == {"ok": "time limits set successfully"}
    with pytest.raises(SoftTimeLimitExceeded):
        app.send_task("shop.hold", ("f", 60), queue="letters").get(timeout=TIMEOUT)
    first, second = (app.send_task("shop.add", (2, 3), queue="letters") for _ in range(2))
    assert first.get(timeout=TIMEOUT) == 5
    found = until(lambda: ask("query_task", ids=[second.id]), worker.output)
    assert found[second.id][0] == "scheduled"
    assert [entry["request"]["id"] for entry in ask("scheduled")] == [second.id]
    assert worker.stop() == 0


def test_what_cannot_be_changed_is_answered(working, ask):
    worker = working("-n", "w1@here", "-P", "solo")
    assert ask("rate_limit", task_name="shop.add", rate_limit="quickly")["error"].startswith("Invalid rate limit ")
    assert ask("rate_limit", task_name="shop.none", rate_limit=1) == {"error": "unknown task"}
    assert ask("time_limit", task_name="shop.none", soft=1) == {"error": "unknown task"}
    assert "fixed size" in ask("pool_grow")["error"]
    assert "task_queues" in ask("add_consumer", queue="letters", exchange="elsewhere")["error"]
    assert ask("pool_restart") == {"error": "ValueError('Pool restarts not enabled')"}
    assert ask("autoscale", max=4, min=1) == {"error": "ValueError('Autoscale not enabled')"}
    assert ask("memsample").endswith("MB")
    assert len(ask("memdump").splitlines()) == 2
    assert ask("terminate", signal="TERM", task_id="no-such-id") == {"ok": "terminate: tasks unknown"}
    assert ask("revoke", task_id="no-such-id") == {"ok": "tasks {'no-such-id'} flagged as revoked"}
    assert set(ask("revoked")) == {"no-such-id"}
    assert worker.stop() == 0


def test_commands_of_a_project(shop, working):
    shop.write("more.py", COMMANDS)
    worker = working("-c", "1", "-n", "w1@here", app="more")
    asked = shop.umbel("-A", "more", "inspect", "stock", "7", "-t", "20", "--json")
    assert json.loads(asked.stdout)["w1@here"] == {"shelf": 7, "node": "w1@here", "app": "shop"}, asked
    assert shop.umbel("-A", "more", "control", "paint", "-t", "20").stdout == "->  w1@here: OK\n    painted red\n"
    assert worker.stop() == 0


def test_the_command_line_of_a_project_s_commands(shop, umbel):
    shop.write("more.py", COMMANDS)
    assert "stock" in umbel("-A", "more", "inspect", "--list").out.splitlines()
    wrong = umbel("-A", "more", "inspect", "stock", "seven")
    assert (wrong.code, "stock <shelf>: invalid literal" in wrong.err) == (2, True)
    assert umbel("-A", "more", "inspect", "stock", "7", "8").code == 2
    assert umbel("-A", "more", "control", "paint", "-t", "0.1").code == 69
    for name in ("stock", "paint", "colour"):
        Panel.data.pop(name)
        Panel.meta.pop(name, None)


def test_whatever_is_stamped_so_is_revoked(shop, working, app, ask):
    worker = working("-c", "1", "-n", "w1@here")
    said = ask("revoke_by_stamped_headers", headers=["order=7"])
    assert said == {"ok": "headers {'order': '7'} flagged as revoked, but not terminated"}
    results = [app.signature("shop.add", (1, 2)) for _ in range(2)]
    for order, call in enumerate(results, 7):
        call.stamp(order=order)
    stamped, other = (call.delay() for call in results)
    assert other.get(timeout=TIMEOUT) == 3
    with pytest.raises(TaskRevokedError):
        stamped.get(timeout=TIMEOUT)
    assert worker.stop() == 0


def test_a_worker_can_be_told_not_to_answer(shop, working, app):
    shop.write("deaf.py", "from shop import app\napp.conf.worker_enable_remote_control = False\n")
    worker = working("-c", "1", app="deaf")
    assert app.control.nodes() != []
    assert app.control.ping(timeout=1.0) == []
    assert worker.stop() == 0
