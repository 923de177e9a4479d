"""Budgets of the path, held by every file of the package: a function 40 lines, a file 400, a protocol six methods."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.support import tree

FUNCTION_LINES = 40
FILE_LINES = 400
PROTOCOL_METHODS = 6


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring and decorators."""
    assert function.end_lineno is not None
    doc = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (doc.count("\n") + 1 if doc is not None else 0)


def protocols(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Each protocol class with the number of methods that it asks for; properties count."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases):
            yield node.name, sum(isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body)


def test_no_function_is_longer_than_its_budget():
    long = [
        f"{tree.shown(path)}:{function.lineno} {function.name} {lines(function)}"
        for path in tree.package_files()
        for function in functions(tree.parse(path))
        if lines(function) > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_file_is_longer_than_its_budget():
    counted = {tree.shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in tree.package_files()}
    long = {name: count for name, count in counted.items() if count > FILE_LINES}
    assert not long


def test_protocols_have_at_most_six_methods():
    large = [
        f"{tree.shown(path)} {name} {methods}"
        for path in tree.package_files()
        for name, methods in protocols(tree.parse(path))
        if methods > PROTOCOL_METHODS
    ]
    assert not large, "\n".join(large)


def test_a_docstring_does_not_count():
    (function,) = functions(
        ast.parse('@decorated\ndef f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n')
    )
    assert lines(function) == 3


def test_methods_of_a_protocol_are_counted():
    text = (
        "class P(Protocol[T]):\n"
        + "".join(f"    def m{n}(self): ...\n" for n in range(7))
        + "class Q:\n    def m(self): ...\n"
    )
    assert list(protocols(ast.parse(text))) == [("P", 7)]
