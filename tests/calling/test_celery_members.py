"""A member that Celery has takes Celery's arguments here, or is absent (data: Celery 5.7's own signatures)."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from tests.support.signatures import ours, parameters
from umbel import AsyncResult, EagerResult, Signature, Task, Umbel, chain, chord, group
from umbel.app.connections import Loader
from umbel.conf import DIFFERENT_DEFAULTS
from umbel.context import Context
from umbel.control import Control, Inspect
from umbel.events import EventDispatcher, EventReceiver, State
from umbel.result import GroupResult, ResultSet
from umbel.schedulers import PersistentScheduler, ScheduleEntry, Scheduler, Service
from umbel.signals import Signal
from umbel.task.options import FROM_CONFIG

DATA = Path(__file__).parent / "data"
CLASSES = {
    "Task": Task, "AsyncResult": AsyncResult, "EagerResult": EagerResult, "Signature": Signature, "Context": Context,
    "Celery": Umbel, "EventDispatcher": EventDispatcher, "EventReceiver": EventReceiver, "State": State,
    "GroupResult": GroupResult, "ResultSet": ResultSet, "Signal": Signal, "Control": Control, "Inspect": Inspect,
    "_chain": chain, "_chord": chord, "group": group, "Scheduler": Scheduler, "ScheduleEntry": ScheduleEntry,
    "PersistentScheduler": PersistentScheduler, "Service": Service, "BaseLoader": Loader,
}  # fmt: skip
MEMBERS = json.loads((DATA / "class-members.json").read_text())
# umbel's own meaning of the word, told in the documentation: a function that opens the results of this thread.
# And a method of the instance, where Celery asks the class: two apps may have tasks of one class.
EXCEPT = {("Celery", "backend"), ("Task", "_get_app")}


def cases():
    for name, kind in CLASSES.items():
        for member, described in MEMBERS[name].items():
            if hasattr(kind, member) and (name, member) not in EXCEPT:
                yield name, member, described


@pytest.mark.parametrize(("name", "member", "described"), [*cases()])
def test_same_arguments_in_the_same_order(name: str, member: str, described: str):
    found = inspect.getattr_static(CLASSES[name], member)
    if not described.startswith(("function (", "classmethod (")) or "\u2026" in described:
        assert not (described.startswith("property") and inspect.isfunction(found)), "Celery has a property"
        return
    function = getattr(found, "__func__", found)
    if inspect.ismethoddescriptor(function):  # dict's own, which Celery replaces to work around Python 2
        return
    assert inspect.isfunction(function), f"Celery has a function, here is {found!r}"
    theirs, mine = parameters(described), ours(function)
    variadic = [one for one in theirs if one[0].startswith("*")]
    plain = [one for one in theirs if not one[0].startswith("*")]
    assert mine[: len(plain)] == plain
    added = [one for one in mine[len(plain) :] if one not in variadic]
    assert all(default or one.startswith("*") for one, default in added), "what is added must be optional"
    assert [one for one, _ in variadic] <= [one for one, _ in mine]


WHOLE = {
    "AMQP": "kombu's way to send: `app.amqp` has the declared queues and their defaults, routes are `task_routes`",
    "Backend": "a store of results is `umbel.backend.Backend`, which strangers implement and no task sees",
    "KeyValueStoreBackend": "as Backend",
    "Consumer": "each child consumes for itself; what a bootstep sees of it is `umbel.worker.handles`",
    "Queues": "as AMQP: `app.declared.queues`",
    "Request": "no message passes through the main process of a worker; what a task sees is `Context`, what a strategy "
    "and a receiver of `task_received` see is `umbel.worker.told.Received`",
    "WorkController": "the supervisor runs no task; what a bootstep sees of it is `umbel.worker.handles`",
}
"""Classes of Celery's that umbel has not, and why."""

_CONNECTION = "kombu's way to the broker: a store opens its own, see `app.broker`"
_CLASSES = "a class that nothing here is made of"
_PLATFORM = "about the platform and not the app: `sys.platform`"
_CONSUMER = "kombu's consumer, of which a receiver is none"
_LOADER = "`Umbel.config_from_object` and `Umbel.import_modules` do what is left of a loader"
_INNER = "a step within Celery's `apply_async`"
LEFT_OUT = {
    "Celery": {
        "Beat": "a program: `umbel beat`", "IS_WINDOWS": _PLATFORM, "IS_macOS": _PLATFORM, "SYSTEM": _PLATFORM,
        "Pickler": "how Celery writes its apps; here a process makes its own",
        "amqp_cls": WHOLE["AMQP"], "backend_cls": "`result_backend` names the store", "broker_connection": _CONNECTION,
        "builtin_fixups": "there are none",
        "default_producer": _CONNECTION, "loader_cls": _LOADER,
        "log": "logging is set up by the command line; the signals about it are Celery's", "log_cls": _CLASSES,
        "prepare_config": "`on_configure` may change the settings",
        "producer_or_acquire": _CONNECTION, "producer_pool": _CONNECTION, "registry_cls": _CLASSES,
        "select_queues": "`umbel worker -Q` chooses the queues", "setup_security": "there is no signing serializer",
        "type_checker": "the check is the task's own (`typing`)",
    },
    "BaseLoader": dict.fromkeys(
        (
            "autodiscover_tasks", "builtin_modules", "cmdline_config_parser", "conf", "config_from_object",
            "configured", "default_modules", "find_module", "import_from_cwd", "import_task_module", "init_worker",
            "init_worker_process", "now", "on_process_cleanup", "on_task_init", "on_worker_init",
            "on_worker_process_init", "on_worker_shutdown", "override_backends", "read_configuration",
            "shutdown_worker", "worker_initialized",
        ),
        _LOADER,
    ),
    "Control": {"Mailbox": "a class of kombu's; requests go over the broker's own connection"},
    "Context": {"clear": "each run has a request of its own"},
    "EventDispatcher": {"publisher": "kombu's producer"},
    "EventReceiver": dict.fromkeys(
        (
            "Consumer", "channel_errors", "connect_max_retries", "connection_errors", "consumer_context",
            "create_connection", "establish_connection", "extra_context", "get_consumers", "maybe_conn_error",
            "on_consume_end", "on_consume_ready", "on_decode_error", "restart_limit", "run",
        ),
        _CONSUMER,
    ),
    "Task": {"start_strategy": "a child starts it: `umbel.worker.strategies.start`"},
    "Signature": {
        "AsyncResult": "`freeze` gives the handle",
        "election": "`Control.election` holds one among Celery's workers; umbel's take no part",
    },
}  # fmt: skip
LEFT_OUT["_chain"] = {**LEFT_OUT["Signature"], "prepare_steps": _INNER, "run": _INNER}
LEFT_OUT["_chord"] = {**LEFT_OUT["Signature"], "run": _INNER}
LEFT_OUT["group"] = LEFT_OUT["Signature"]
"""Class -> public members that umbel's has not, and why: what is missing without a reason is a mistake."""


@pytest.fixture(scope="module")
def objects():
    """One object of each class: some members are attributes of objects only."""
    app = Umbel("members", broker="memory://", set_as_current=False)
    task = app.task(name="t.nothing")(dict)
    single = AsyncResult("an-id", app=app)
    return {
        "Celery": app, "Task": task, "AsyncResult": single, "EagerResult": EagerResult("an-id", 1, "SUCCESS"),
        "ResultSet": ResultSet([single]), "GroupResult": GroupResult("a-group", [single]), "Control": app.control,
        "Inspect": app.control.inspect(), "Context": task.request, "Signal": Signal(), "State": State(),
        "Signature": task.s(), "_chain": chain(task.s(), task.s()), "_chord": chord([task.s()], task.s()),
        "group": group(task.s()), "EventDispatcher": EventDispatcher(app=app, enabled=False),
        "EventReceiver": EventReceiver(None, app=app), "Scheduler": Scheduler, "ScheduleEntry": ScheduleEntry,
        "PersistentScheduler": PersistentScheduler, "Service": Service, "BaseLoader": app.loader,
    }  # fmt: skip


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_missing_has_a_reason(name: str, objects: dict[str, object]):
    public = {member for member in MEMBERS[name] if not member.startswith("_")}
    if name in WHOLE:
        assert name not in objects
        return
    one = objects[name]
    there = {member for member in public if member in dir(one) or hasattr(one, member)}
    assert public - there == set(LEFT_OUT.get(name, ()))


def test_default_attributes_are_celerys(app: Umbel):
    @app.task(name="t.add")
    def add(x, y):
        return x + y

    theirs = json.loads((DATA / "task-attribute-defaults.json").read_text())
    differing = {option for option, setting in FROM_CONFIG.items() if setting in DIFFERENT_DEFAULTS}
    absent = {"Request", "Strategy", "abstract", "from_config"}  # where umbel has what these name
    mine = {name: repr(getattr(add, name)) for name in theirs if name not in absent | differing}
    assert mine == {name: theirs[name] for name in mine}
    assert add.acks_late is True


def test_options_from_the_settings_are_celerys():
    theirs = json.loads((DATA / "task-attribute-defaults.json").read_text())["from_config"]
    assert repr(Task.from_config) == theirs
