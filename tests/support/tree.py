"""The source tree as the checks of the house see it."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
SRC = TOP / "src"


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the project that git tracks or would track, relative to the top."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(name for name in listing.split("\0") if name and (TOP / name).is_file()))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def package_files(suffix: str = ".py") -> list[Path]:
    return sorted(SRC.joinpath("umbel").rglob(f"*{suffix}"))


def shown(path: Path) -> str:
    return str(path.relative_to(TOP))


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tests_of(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file that pytest would take for a test."""
    return [
        n
        for n in ast.walk(module)
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name.startswith("test_")
    ]


CHECKING = re.compile(r"assert|check|expect|conform|verify|until|judge|raises|warns|fail|examples?\b", re.IGNORECASE)


def asserts(function: ast.AST) -> bool:
    """Whether it holds an assertion, or a call whose name promises one."""
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and CHECKING.search(ast.unparse(node.func)))
        for node in ast.walk(function)
    )


def sleeps(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[int]:
    """Lines on which a test itself sleeps; functions defined inside it are tasks or threads and may."""
    lines = []
    waiting: list[ast.AST] = list(test.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and re.fullmatch(r"(time|asyncio)\.sleep\((?!0\)).*\)", ast.unparse(node)):
            lines.append(node.lineno)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return sorted(lines)
