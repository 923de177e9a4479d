"""Every example in a docstring runs and prints what it shows."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.support import tree

WITH_EXAMPLES = [tree.module_name(path) for path in tree.package_files() if ">>> " in path.read_text(encoding="utf-8")]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_do_what_they_show(name, isolated, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0, capsys.readouterr().out


def test_there_are_examples():
    assert len(WITH_EXAMPLES) > 10
