"""The algebra of workflows against what Celery 5.7 made of the same expressions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.calling.canvases import EXPRESSIONS, Renamed, frozen, our_kit, plain
from umbel import signature

DATA = Path(__file__).parent / "data"
BUILT = json.loads((DATA / "canvas.json").read_text())
FROZEN = json.loads((DATA / "canvas-frozen.json").read_text())


def test_every_expression_of_the_record_is_here():
    assert set(EXPRESSIONS) == set(BUILT) == set(FROZEN)


def shown(form: object) -> str:
    """Its repr; what a generator holds is a list here."""
    return re.sub(r"0x[0-9a-f]+", "0xADDR", repr(form))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_built(name: str):
    form, theirs = EXPRESSIONS[name](our_kit(1)), BUILT[name]
    renamed = Renamed()
    assert renamed(plain(form)) == renamed(theirs["dict"])
    assert type(form).__name__ == theirs["type"]
    if name != "group(gen)":  # a generator is read at once here, and so it is shown as a list
        assert shown(form) == theirs["repr"]


@pytest.mark.parametrize("name", [name for name in EXPRESSIONS if "json_roundtrip_repr" in BUILT[name]])
def test_built_from_its_dictionary(name: str):
    kit = our_kit(2)
    again = signature(plain(EXPRESSIONS[name](kit)), app=kit.app)
    assert plain(again) == plain(EXPRESSIONS[name](kit))
    theirs = BUILT[name]["json_roundtrip_repr"]
    if name not in {"group(gen)", "chain()"}:
        assert shown(again).replace("(", "[").replace(")", "]").replace(",]", "]") == (
            theirs.replace("(", "[").replace(")", "]").replace(",]", "]")
        )


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_frozen(name: str):
    mine, theirs = frozen(EXPRESSIONS[name](our_kit(3))), FROZEN[name]
    if name == "chord([a])":  # what it gives is None, which the record could not write as a tuple
        assert mine[0] is None
    elif "raises" in theirs:
        assert mine == theirs["raises"].partition(":")[0]
    else:
        renamed = Renamed()
        assert mine == [renamed.result(theirs["tuple"]), renamed(theirs["dict"])]
