"""What the import contracts in pyproject.toml cannot say: circles, what an adapter may see, who imports dynamically.

The layers themselves, and that adapters do not know each other, are checked by import-linter in the same `make lint`.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.support import imports, tree

VOCABULARY = {"exceptions", "states", "clock", "ids", "backoff", "saferepr", "current", "tls", "urls", "utils"}
VALUES = {"message", "outcome", "record", "context"}
CONTRACTS = {"serialization", "abilities", "broker", "backend", "monitor", "coordinator", "pacing", "claims", "pool"}

STRANGERS = "umbel.integrations.celery.path."
"""Modules of other names: they only lie in the package's folder, and are imported from there as themselves."""

IMPORTERS = ("umbel.loading", "umbel.integrations.celery.finder", f"{STRANGERS}umbel_stands_for_celery")
"""Who imports by a name of run time; the last two are called by the import system itself."""

FILES = {tree.module_name(path): path for path in tree.package_files()}


@cache
def edges():
    """Who imports whom; read by the tests, and not whenever tests are collected."""
    return imports.graph(FILES, tree.parse)


def room(module: str) -> str:
    """umbel.adapters.sqlite.claim -> adapters.sqlite; umbel.worker.runner -> worker; umbel -> ""."""
    parts = module.split(".")[1:]
    return ".".join(parts[:2]) if parts[:1] == ["adapters"] else "".join(parts[:1])


def test_no_circle_of_imports():
    found = imports.circles(edges())
    assert not found, "\n".join(" <-> ".join(group) for group in found)


def test_an_adapter_imports_vocabulary_values_contracts_and_itself():
    allowed = VOCABULARY | VALUES | CONTRACTS
    wrong = [
        f"{module} imports {target}"
        for module, targets in edges().items()
        if room(module).startswith("adapters.")
        for target in targets
        if room(target) != room(module) and room(target) not in allowed
    ]
    assert wrong == []


def test_nobody_names_an_adapter():
    """They are found by entry points; only the adapter itself and what ships for tests may import one."""
    wrong = [
        f"{module} imports {target}"
        for module, targets in edges().items()
        for target in targets
        if room(target).startswith("adapters") and room(module) != room(target) and room(module) != "testing"
    ]
    assert wrong == []


def test_the_package_imports_itself_by_relative_names():
    wrong = [
        f"{tree.shown(path)}:{node.lineno}"
        for path in FILES.values()
        for node in ast.walk(tree.parse(path))
        if isinstance(node, ast.ImportFrom)
        and not node.level
        and f"{node.module}.".startswith("umbel.")
        and not tree.module_name(path).startswith(STRANGERS)
    ]
    assert wrong == []


def dynamic_imports(module: ast.Module) -> list[int]:
    """Lines that import by a name known only at run time, or that look into entry points."""
    lines = []
    for node in ast.walk(module):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Name | ast.Attribute):
            names = [ast.unparse(node)]
        for name in names:
            parts = set(name.split("."))
            dynamic = "importlib" in parts and "metadata" not in parts and "resources" not in parts
            if dynamic or parts & {"__import__", "import_module", "entry_points", "pkgutil", "runpy", "imp"}:
                lines.append(node.lineno)
    return lines


def test_only_loading_and_the_finder_import_dynamically():
    wrong = {
        module: lines
        for module, path in FILES.items()
        if module not in IMPORTERS
        and not module.startswith("umbel.testing")
        and (lines := dynamic_imports(tree.parse(path)))
    }
    assert wrong == {}


def test_every_room_has_its_init():
    """A folder without one is invisible to the import contracts."""
    folders = {path.parent for path in tree.package_files()}
    assert [tree.shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize(
    "code",
    [
        "import importlib",
        "def f(name):\n    from importlib import import_module",
        "def f(name):\n    return __import__(name)",
        "from importlib.metadata import entry_points",
        "import importlib.metadata\nimportlib.metadata.entry_points()",
        "import pkgutil",
    ],
)
def test_dynamic_imports_are_seen(code):
    assert dynamic_imports(ast.parse(code)) != []


@pytest.mark.parametrize(
    "code", ["from importlib.metadata import version", "from importlib import resources", "import os"]
)
def test_harmless_imports_are_not(code):
    assert dynamic_imports(ast.parse(code)) == []


def test_circles_are_seen_through_functions_and_type_checking(tmp_path):
    sources = {
        "umbel": "from .a import x",
        "umbel.a": "def f():\n    from . import b",
        "umbel.b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from umbel.c.d import y",
        "umbel.c": "",
        "umbel.c.d": "from ..a import x",
        "umbel.e": "from .c import d",
    }
    files = {}
    for name, text in sources.items():
        folder = tmp_path.joinpath(*name.split("."))
        path = folder / "__init__.py" if name in ("umbel", "umbel.c") else folder.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        files[name] = path
    edges = imports.graph(files, lambda path: ast.parse(path.read_text(encoding="utf-8")))
    assert imports.circles(edges) == [["umbel.a", "umbel.b", "umbel.c.d"]]
