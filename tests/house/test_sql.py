"""SQL and Lua live in files of their own, and each says at its head what it is for and which invariant it keeps."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support import tree

COMMENT = {".sql": "--", ".lua": "--"}
STATEMENT = re.compile(
    r"\s*(SELECT\b.+\bFROM\b|INSERT\s+(OR\s+\w+\s+)?INTO\b|UPDATE\b.+\bSET\b|DELETE\s+FROM\b|CREATE\s+(TEMP\s+)?(TABLE|VIEW|TRIGGER|INDEX)\b|WITH\b.+\bAS\s*\()",
    re.DOTALL,
)


def head_faults(text: str, comment: str = "--") -> list[str]:
    lines = text.splitlines()
    found = []
    if not lines or not re.match(rf"{re.escape(comment)} \S.*", lines[0]):
        found.append("its first line is no comment that says what it is for")
    if not any(re.match(rf"\s*{re.escape(comment)}.*\binvariants?\b", line, re.IGNORECASE) for line in lines):
        found.append("no comment names its invariant")
    return found


def embedded(module: ast.Module) -> list[int]:
    """Lines on which a string holds a whole statement; docstrings may show one."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docs
        and STATEMENT.match(node.value)
    ]


def test_every_file_has_its_head():
    wrong = [
        f"{tree.shown(path)}: {fault}"
        for suffix, comment in COMMENT.items()
        for path in tree.package_files(suffix)
        for fault in head_faults(path.read_text(encoding="utf-8"), comment)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_statement_is_written_in_python():
    found = [f"{tree.shown(path)}:{line}" for path in tree.package_files() for line in embedded(tree.parse(path))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["", "SELECT 1;", "-- Claims.\nSELECT 1;", "-- \n-- Invariant: none.\n"])
def test_a_missing_head_is_seen(text):
    assert head_faults(text)


def test_a_head_passes():
    assert (
        head_faults(
            "-- Claims up to ?1 messages.\n--\n-- Invariant: a message has one owner.\nUPDATE message SET owner = 1;"
        )
        == []
    )


def test_embedded_statements_are_seen_and_docstrings_are_not():
    text = (
        'def f(c):\n    """SELECT a FROM b"""\n    c.execute("SELECT a\\n FROM b")\n    c.execute("PRAGMA page_size")\n'
    )
    assert embedded(ast.parse(text)) == [3]
