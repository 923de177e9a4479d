"""Whoever opened the store for a question gives it back with the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from umbel import Umbel
from umbel.control import Control
from umbel.inspector import Inspector

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted as Linux names them")


def open_stores(folder):
    """Stores of a folder that this process has open; the file of locks stays, its closing would give locks up."""
    links = [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return [name for name in links if name.startswith(str(folder)) and name.endswith((".db", "-wal"))]


@pytest.fixture
def app(tmp_path):
    with Umbel("closing", broker=f"sqlite:///{tmp_path}/queue.db") as app:
        yield app


@pytest.mark.parametrize(("client", "ask"), [(Inspector, Inspector.queues), (Control, Control.ping)])
def test_a_client_in_a_with_block_leaves_no_file_open(app, tmp_path, client, ask):
    with client(app) as known:
        assert ask(known) == []
        assert open_stores(tmp_path)
    assert open_stores(tmp_path) == []
    known.close()
    assert ask(known) == [], "it opens what it needs again"
    known.close()


@pytest.mark.parametrize(
    "words", [["queues"], ["messages", "list"], ["purge", "-f"], ["status", "-t", "0.1"], ["revoke", "x"]]
)
def test_a_command_leaves_no_file_open(umbel, shop, words):
    assert umbel("-A", "shop", *words).code in (0, 69)
    assert open_stores(shop.folder) == []
