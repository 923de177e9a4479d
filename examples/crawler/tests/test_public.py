"""The example shows what any user can do: it uses umbel's public API, and nothing of it is long."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import umbel

SOURCES = sorted((Path(__file__).parent.parent / "src" / "umbel_crawler").glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_only_public_names_of_umbel_are_used(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "umbel" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "umbel" and not node.level:
            home = umbel if node.module == "umbel" else umbel.exceptions
            assert node.module in {"umbel", "umbel.exceptions"}
            for alias in node.names:
                assert alias.name in getattr(home, "__all__", vars(home)), f"{alias.name} is not public"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_function_is_longer_than_forty_lines(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 40, f"{path.name}: {node.name}"
