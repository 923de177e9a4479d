"""The programs in scripts/ that are written in Python, as modules."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from types import ModuleType

from .tree import TOP


def load(name: str) -> ModuleType:
    """Import scripts/NAME without running it and without leaving byte code beside it."""
    loader = importlib.machinery.SourceFileLoader(f"script_{name}", str(TOP / "scripts" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
