"""The public surface: what `from umbel import` offers, written down, documented, and cheap to ask for."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tomllib
from functools import cached_property
from importlib.metadata import entry_points, version

import pytest

import umbel
from tests.support import tree

EXPORTS = [
    "AsyncResult", "EagerResult", "Ignore", "MaxRetriesExceededError", "OperationalError", "Priority",
    "Reject", "Retry", "Signature", "Task", "TimeoutError", "Umbel", "__version__", "allow_join_result",
    "app_or_default", "chain", "chord", "chunks", "current_app", "current_task", "exceptions", "get_current_app",
    "group", "install_as_celery", "maybe_signature", "shared_task", "signals", "signature", "states", "subtask", "uuid",
    "xmap", "xstarmap",
]  # fmt: skip
"""A name leaves this list only with a `removed` fragment, after a release in which it was deprecated."""

STAND_INS = {"current_app", "current_task"}  # they answer for what is current, documentation included
OURS = [name for name in EXPORTS if name != "__version__" and name not in STAND_INS]

LOADED = (
    "import sys, json; before = set(sys.modules); import umbel; print(json.dumps(sorted(set(sys.modules) - before)))"
)


def test_the_list_is_the_list():
    assert list(umbel.__all__) == EXPORTS


@pytest.mark.parametrize("name", EXPORTS)
def test_every_name_is_there(name):
    assert getattr(umbel, name, None) is not None


def test_nothing_else_is_offered():
    assert dir(umbel) == sorted(EXPORTS)
    with pytest.raises(AttributeError, match="no attribute 'Celery_'"):
        _ = umbel.Celery_  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OURS)
def test_every_name_has_a_docstring(name):
    assert (inspect.getdoc(getattr(umbel, name)) or "").strip()


def undocumented(kind: type) -> list[str]:
    """Public methods and properties of a class, inherited from us or its own, that say nothing about themselves."""
    names = {name for base in kind.__mro__ if base.__module__.startswith("umbel") for name in vars(base)}
    return [
        name
        for name in sorted(names)
        if not name.startswith("_")
        and (inspect.isfunction(member := inspect.getattr_static(kind, name)) or isinstance(member, METHODS))
        and not inspect.getdoc(member)
    ]


METHODS = (property, classmethod, staticmethod, cached_property)


@pytest.mark.parametrize("name", [name for name in OURS if inspect.isclass(getattr(umbel, name, None))])
def test_every_public_method_has_a_docstring(name):
    assert undocumented(getattr(umbel, name)) == []


def test_importing_umbel_loads_little():
    """A web process that only sends must not pay for the worker, the command line, or a store that it does not use."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    heavy = {
        "asyncio",
        "apsw",
        "click",
        "rich",
        "umbel.app",
        "umbel.worker",
        "umbel.cli",
        "umbel.testing",
        "umbel.adapters",
    }
    assert loaded & heavy == set()


def test_the_version_is_said_once():
    said = tomllib.loads((tree.TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert umbel.__version__ == said == version("umbel")


@pytest.mark.parametrize("group", ["umbel.brokers", "umbel.backends", "umbel.pools"])
def test_every_entry_point_of_ours_loads(group):
    ours = [point for point in entry_points(group=group) if point.value.startswith("umbel.")]
    assert ours
    assert all(callable(point.load()) for point in ours)


def test_the_package_carries_its_sql_and_its_marker():
    assert (tree.SRC / "umbel" / "py.typed").exists()
    assert tree.package_files(".sql") != []
