from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import load, saferepr_expressions, saferepr_golden
from umbel.saferepr import saferepr

GOLDEN_VALUES = {
    "bin": b"\xff\xfe",
    "bytes": b"ab",
    "date": datetime(2020, 1, 1),  # noqa: DTZ001 - as in the golden data
    "dec": Decimal("1.0"),
    "deep": [[[[[[1]]]]]],
    "emptyset": set(),
    "float": 1.5,
    "fs": frozenset({1}),
    "long": list(range(1000)),
    "longstr": "x" * 3000,
    "nested": {"a": [1, {"b": {"c": [1]}}]},
    "none": None,
    "set": {1},
    "str": "it's",
    "tuple": (1, "a"),
    "tuple1": (1,),
}


@pytest.mark.parametrize(("name", "text"), saferepr_golden().items())
def test_golden(name, text):
    assert saferepr(GOLDEN_VALUES[name]) == text


NAMES = {kind.__name__: kind for kind in (Decimal, UUID, date, timedelta, OrderedDict, defaultdict, deque)}


@pytest.mark.parametrize(("source", "text"), saferepr_expressions())
def test_what_celery_writes(source, text):
    assert saferepr(eval(source, dict(NAMES))) == text


def test_arguments_as_celery_put_them_into_headers():
    """The headers of real messages, where their body can be read back into the arguments."""
    compared = 0
    for sample in load("redis-v2"):
        if isinstance(sample.expected, list) and "__type__" not in sample.body.decode("latin-1"):
            args, kwargs, _ = sample.expected
            shown = sample.headers["argsrepr"], sample.headers["kwargsrepr"]
            if "(" not in shown[0].removeprefix("(") + shown[1]:  # inner tuples came back as lists
                assert (saferepr(tuple(args) if shown[0].startswith("(") else args), saferepr(kwargs)) == shown
                compared += 1
    assert compared == 36


def test_a_container_inside_itself_is_named():
    inside: list[object] = [1]
    inside.append(inside)
    assert saferepr(inside) == f"[1, <Recursion on list with id={id(inside)}>]"


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31m", "\x00", "half \ud800", ["a\nb"], {"a\nb": 1}, (b"a\nb",)])
def test_nothing_that_moves_a_terminal_or_breaks_an_encoder(value):
    text = saferepr(value)
    assert text.isprintable()
    assert text.encode()


class Hostile:
    def __repr__(self) -> str:
        raise ValueError("secret")


class Endless(list):
    def __iter__(self):
        raise RuntimeError("changed")


def test_a_container_beside_itself_is_shown_twice():
    inside: list[object] = [[1]]
    assert saferepr([inside, (inside, inside)]) == "[[[1]], ([[...]], [[...]])]"


def test_what_cannot_be_shown_is_named_by_its_type():
    assert saferepr([Hostile()]) == "[<Unrepresentable Hostile: ValueError>]"
    assert saferepr([[Endless([1])]]) == "<Unrepresentable list: RuntimeError>"
    assert saferepr(10**5000) == "<Unrepresentable int: ValueError>"
    assert saferepr((10**5000,)) == "(<Unrepresentable int: ValueError>,)"


def test_levels_and_length_are_options():
    assert saferepr([[1]], maxlevels=1) == "[[...]]"
    assert saferepr([[[[[1]]]]], maxlevels=0) == "[[[[[1]]]]]"
    assert saferepr("x" * 2000, maxlen=None) == f"'{'x' * 2000}'"
    assert saferepr([1, {"ab": "some text here"}, (2, 3)], 20) == "[1, {'ab': 'some...'}, ...]"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text(max_size=5), inner, max_size=6)
        | st.tuples(inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=60,
)


@given(anything, st.integers(min_value=40, max_value=1024))
def test_bounded_printable_and_balanced(value, maxlen):
    text = saferepr(value, maxlen)
    assert text.isprintable()
    # The last text or bytes may be twice as long as was left (escapes, hex), then come "..." and brackets.
    assert len(text) <= 12 * maxlen


@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(st.sampled_from("ab'\"\\\n\x1b å"))))
def test_the_fast_path_writes_what_the_long_one_writes(items):
    class Slow(list):
        """Not a list by type, so it goes the long way."""

    assert saferepr(items) == saferepr(Slow(items))
