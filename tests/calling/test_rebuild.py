"""Exceptions from their names: real ones where they are loaded, stand-ins elsewhere, never anything else."""

from __future__ import annotations

import sys

import pytest

from umbel import exceptions
from umbel.exceptions import SecurityError, UmbelError
from umbel.result.rebuild import rebuild


class Outer:
    class Inner(Exception):
        pass


class Picky(Exception):
    def __init__(self, *, word):
        super().__init__(word)


def document(name, message=(), module="builtins"):
    return {"exc_type": name, "exc_message": message, "exc_module": module}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (document("ValueError", ["bad", 42]), ValueError),
        (document("TaskRevokedError", ["revoked"], "celery.exceptions"), exceptions.TaskRevokedError),
        (document("CeleryError", [], "celery.exceptions"), UmbelError),
        (document("SoftTimeLimitExceeded", [5], "billiard.exceptions"), exceptions.SoftTimeLimitExceeded),
        (document("WorkerLostError", ["gone"], "billiard.exceptions"), exceptions.WorkerLostError),
        (document("OperationalError", ["no"], "kombu.exceptions"), exceptions.OperationalError),
        (document("Outer.Inner", ["x"], __name__), Outer.Inner),
    ],
)
def test_known_classes(given, kind):
    error = rebuild(given)
    assert type(error) is kind
    assert list(error.args) == given["exc_message"]


def test_a_module_that_is_not_loaded_is_not_imported():
    assert "this" not in sys.modules
    error = rebuild(document("Zen", ["explicit"], "this"))
    assert "this" not in sys.modules
    assert (type(error).__name__, type(error).__module__, error.args) == ("Zen", "celery.exceptions", ("explicit",))
    assert isinstance(error, UmbelError)
    assert type(rebuild(document("Zen", [], "this"))) is type(error)


@pytest.mark.parametrize(("name", "module"), [("system", "os"), ("eval", "builtins"), ("int", "builtins")])
def test_what_is_no_exception_is_not_called(name, module):
    with pytest.raises(SecurityError, match=name):
        rebuild(document(name, ["1"], module))


def test_a_class_that_takes_other_arguments():
    error = rebuild(document("Picky", ["word"], __name__))
    assert type(error) is UmbelError
    assert str(error) == "Picky('word')"


@pytest.mark.parametrize("message", ["text", 5, None])
def test_a_message_that_is_no_list(message):
    assert rebuild(document("ValueError", message)).args == (message,)


@pytest.mark.parametrize("value", [None, 5, {"done": 3}, ["x"], ValueError("x")])
def test_anything_else_stays(value):
    assert rebuild(value) is value


def test_without_a_module():
    error = rebuild({"exc_type": "Gone", "exc_message": ["x"]})
    assert (type(error).__name__, error.args) == ("Gone", ("x",))
