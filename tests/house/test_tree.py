"""Nothing in the tree that belongs to one machine, to one registry, or to tomorrow."""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tree

UNFINISHED = re.compile(
    r"\b(TODO|FIXME|XXX|HACK|stub|placeholder|not (yet )?implemented|NotImplementedError|for now|simplified|toy)\b",
    re.IGNORECASE,
)
REGISTRIES = re.compile(r"\b(pypi\.org|pythonhosted\.org|registry\.npmjs|proxy\.golang|repo1?\.maven)", re.IGNORECASE)
HOUSE = ("tests/house/", "tests/support/")  # name these words in order to forbid them


def texts() -> Iterator[tuple[str, str]]:
    """Every tracked text file with its content."""
    for name in tree.tracked():
        try:
            yield name, (tree.TOP / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def matches(pattern: re.Pattern[str], *, skip: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in texts()
        if not name.startswith(skip)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_this_machine():
    everywhere = {"/", "/tmp", "/var/tmp", tempfile.gettempdir()}  # a clone may lie there
    folders = {str(Path.home()), str(tree.TOP), str(tree.TOP.parent)} - everywhere
    own = re.compile("|".join(rf"{re.escape(folder)}(/|\b)" for folder in sorted(folders)))
    assert matches(own) == []


def test_no_words_of_unfinished_work():
    found = matches(UNFINISHED, skip=("tests/", "requirements.lock", "LICENSE"))
    assert not found, "\n".join(found)


def test_no_registry_is_named():
    assert matches(REGISTRIES, skip=HOUSE) == []


def test_no_large_or_generated_file_is_tracked():
    large = [name for name in tree.tracked() if (tree.TOP / name).stat().st_size > 500_000]
    generated = [name for name in tree.tracked() if name.endswith((".pyc", ".so", ".whl", ".sqlite", ".db"))]
    assert large + generated == []


@pytest.mark.parametrize(
    "line", ["# TODO: later", "raise NotImplementedError", "a stub", "not yet implemented", "works for now"]
)
def test_unfinished_work_is_seen(line):
    assert UNFINISHED.search(line)


@pytest.mark.parametrize("line", ["return NotImplemented", "a stubborn store", "the store informs nobody"])
def test_finished_work_is_not(line):
    assert not UNFINISHED.search(line)


def cases() -> Iterator[tuple[str, ast.Module]]:
    for name in tree.tracked():
        if Path(name).match("test_*.py"):
            yield name, tree.parse(tree.TOP / name)


def test_every_test_asserts_something():
    silent = [
        f"{name}:{test.lineno} {test.name}"
        for name, module in cases()
        for test in tree.tests_of(module)
        if not tree.asserts(test)
    ]
    assert not silent, "\n".join(silent)


def test_no_test_sleeps():
    """A test polls a condition (tests/support/until.py); the tasks that it defines may take their time."""
    asleep = [
        f"{name}:{line}" for name, module in cases() for test in tree.tests_of(module) for line in tree.sleeps(test)
    ]
    assert not asleep, "\n".join(asleep)


def test_no_test_mocks():
    assert matches(re.compile(r"MagicMock|mock\.patch|from unittest import mock|fakeredis"), skip=HOUSE) == []


def test_a_sleep_is_seen_unless_a_task_takes_it():
    text = "def test_x():\n    def task():\n        time.sleep(5)\n    run(task)\n"
    (good,) = tree.tests_of(ast.parse(text))
    (bad,) = tree.tests_of(ast.parse(text + "    time.sleep(1)\n"))
    assert tree.sleeps(good) == []
    assert tree.sleeps(bad) == [5]


def test_a_silent_test_is_seen():
    silent, loud = tree.tests_of(ast.parse("def test_a():\n    run()\ndef test_b():\n    assert run()\n"))
    assert not tree.asserts(silent)
    assert tree.asserts(loud)
