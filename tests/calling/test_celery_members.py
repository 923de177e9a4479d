"""A member that Celery has takes Celery's arguments here, or is absent (data: Celery 5.7's own signatures)."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from tests.support.signatures import ours, parameters
from umbel import AsyncResult, EagerResult, Signature, Task, Umbel
from umbel.conf import DIFFERENT_DEFAULTS
from umbel.context import Context
from umbel.events import EventDispatcher, EventReceiver, State
from umbel.result import GroupResult, ResultSet
from umbel.signals import Signal
from umbel.task.options import FROM_CONFIG

DATA = Path(__file__).parent / "data"
CLASSES = {
    "Task": Task, "AsyncResult": AsyncResult, "EagerResult": EagerResult, "Signature": Signature, "Context": Context,
    "Celery": Umbel, "EventDispatcher": EventDispatcher, "EventReceiver": EventReceiver, "State": State,
    "GroupResult": GroupResult, "ResultSet": ResultSet, "Signal": Signal,
}  # fmt: skip
MEMBERS = json.loads((DATA / "class-members.json").read_text())
# umbel's own meaning of the word, told in the documentation: a function that opens the results of this thread.
EXCEPT = {("Celery", "backend")}


def cases():
    for name, members in MEMBERS.items():
        for member, described in members.items():
            if hasattr(CLASSES[name], member) and (name, member) not in EXCEPT:
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


def test_enough_of_celery_is_there():
    missing = {member for member in MEMBERS["Task"] if not hasattr(Task, member)}
    later = {
        "Request", "Strategy", "add_around", "annotate", "backend", "bind", "request_stack",
        "start_strategy",
    }  # fmt: skip
    assert missing == later


def test_nothing_public_of_results_and_signals_is_missing():
    later = {"backend", "revoke_by_stamped_headers", "supports_native_join", "throw"}
    of_objects = {"id", "receivers", "results"}
    for name in ("AsyncResult", "EagerResult", "ResultSet", "GroupResult", "Signal"):
        missing = {member for member in MEMBERS[name] if not member.startswith("_")} - {*dir(CLASSES[name])}
        assert missing - of_objects <= later, name


def test_default_attributes_are_celerys(app: Umbel):
    @app.task(name="t.add")
    def add(x, y):
        return x + y

    theirs = json.loads((DATA / "task-attribute-defaults.json").read_text())
    differing = {option for option, setting in FROM_CONFIG.items() if setting in DIFFERENT_DEFAULTS}
    absent = {"Request", "abstract", "from_config"}
    mine = {name: repr(getattr(add, name)) for name in theirs if name not in absent | differing}
    assert mine == {name: theirs[name] for name in mine}
    assert add.acks_late is True


def test_options_from_the_settings_are_celerys():
    theirs = json.loads((DATA / "task-attribute-defaults.json").read_text())["from_config"]
    assert repr(Task.from_config) == theirs
