"""The page about guarantees says what the stores say."""

from __future__ import annotations

import pytest

from tests.support.scripts import load
from umbel.broker import Abilities


@pytest.fixture(scope="module")
def abilities():
    return load("abilities")


def test_the_table_is_made_from_the_stores(abilities, capsys):
    assert abilities.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_table_is_told_and_made_anew(abilities):
    text = abilities.PAGE.read_text(encoding="utf-8")
    stale = text.replace("0, 3, 6, 9", "0, 1, 2, 3")
    assert stale != text
    assert abilities.rendered(stale) == text


def test_every_ability_has_a_row(abilities, monkeypatch):
    assert set(abilities.ROWS) == set(Abilities.__struct_fields__)
    assert len(list(abilities.table())) == 2 + len(abilities.ROWS)
    monkeypatch.delitem(abilities.ROWS, "fence")
    with pytest.raises(SystemExit, match="say what fence means"):
        abilities.rendered("")
