"""The page that explains the rooms names the rooms that there are, in the layers that the import contracts hold."""

from __future__ import annotations

import re
import tomllib

from tests.support import tree

PAGE = (tree.TOP / "ARCHITECTURE.md").read_text(encoding="utf-8")
SETTINGS = tomllib.loads((tree.TOP / "pyproject.toml").read_text(encoding="utf-8"))


def contract_layers() -> list[set[str]]:
    """Layers of the import contract, lowest first."""
    (contract,) = (c for c in SETTINGS["tool"]["importlinter"]["contracts"] if c["id"] == "layers")
    return [set(re.findall(r"\w+", layer)) for layer in reversed(contract["layers"])]


def told_layers() -> list[set[str]]:
    """Layers of the table, lowest first."""
    return [set(cells.split()) for cells in re.findall(r"^\| \w+ \| `([\w ]+)` \|", PAGE, re.MULTILINE)]


def test_the_table_is_the_contract():
    assert told_layers() == contract_layers()


def test_every_adapter_is_told():
    folders = {path.parent.name for path in (tree.SRC / "umbel" / "adapters").glob("*/__init__.py")}
    assert folders == set(re.findall(r"\w+", re.search(r"\*\*adapters\*\*: (`.*?` and `.*?`),", PAGE)[1])) - {"and"}


def test_every_file_it_names_is_there():
    named = set(re.findall(r"`((?:adapters|cli|conf|task|testing|worker)/[\w/]+\.py|[a-z]+\.py)`", PAGE))
    assert named
    assert [name for name in sorted(named) if not (tree.SRC / "umbel" / name).exists()] == []
