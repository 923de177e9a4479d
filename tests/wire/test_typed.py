"""Annotations: what arrives as plain JSON becomes what the parameter says, or an error that says where it does not."""

from __future__ import annotations

import datetime as dt
import enum
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.serialization import converter, decode_json, encode_json


class Unknown:
    """A class that JSON does not know."""


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Account(msgspec.Struct, rename="camel"):
    full_name: str
    since: dt.datetime
    colour: Colour = Colour.RED
    parent: Account | None = None


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str


@dataclass
class Order:
    number: int
    price: Decimal
    lines: list[Line] = field(default_factory=list)


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Odd:
    """Its Enum has values of several types, which msgspec does not read."""

    kind: Mixed
    inner: Odd | None = None
    page: Page | None = None


class Page(pydantic.BaseModel):
    url: str
    at: dt.datetime | None = None
    size: int = pydantic.Field(default=0, alias="SIZE")
    links: list[Page] = []


@pydantic.dataclasses.dataclass
class Link:
    href: str
    rank: int = 0


class Box(msgspec.Struct):
    page: Page
    ids: set[UUID]


class Counts(msgspec.Struct):
    by_number: dict[int, UUID]


class Holder(msgspec.Struct):
    thing: Unknown


class Place(NamedTuple):
    name: str
    id: UUID


class Row(TypedDict):
    id: UUID
    text: str


class PlainRow(TypedDict):
    text: str


T = TypeVar("T")
UserId = NewType("UserId", UUID)
SINCE = dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=dt.timezone.utc)  # noqa: UP017 - as users write it
ID = UUID(int=5)
ACCOUNT = Account("A", SINCE, Colour.BLUE, Account("B", SINCE))
PAGE = Page(url="u", at=SINCE, SIZE=3, links=[Page(url="v")])


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Account, ACCOUNT),
        (list[Account], [ACCOUNT, ACCOUNT]),
        (Account | None, None),
        (Account | None, ACCOUNT),
        (Cat | Dog, Dog("rex")),
        (Order, Order(1, Decimal("1.10"), [Line("a", 2), Line("b")])),
        (Order | Line, Line("a")),
        (Line | Order, Order(1, Decimal(2))),
        (Odd, Odd(Mixed.PAIR, Odd(Mixed.TWO), PAGE)),
        (list[Odd], [Odd(Mixed.ONE)]),
        (Page, PAGE),
        (dict[str, list[Page]], {"a": [PAGE]}),
        (Page | Account, ACCOUNT),
        (Page | Account, PAGE),
        (Link, Link("h", 2)),
        (Box, Box(PAGE, {ID})),
        (Counts, Counts({1: ID})),
        (Colour, Colour.BLUE),
        (Colour | str, Colour.BLUE),
        (Colour | str, "green"),
        (Mixed, Mixed.PAIR),
        (Level, Level.HIGH),
        (dict[Colour, int], {Colour.RED: 1}),
        (dict[Level, int], {Level.LOW: 1}),
        (dict[int, dt.date], {1: dt.date(2020, 1, 2)}),
        (dict[float, int], {1.5: 1}),
        (dict[bool, str], {True: "a", False: "b"}),
        (dict[str, UUID], {"a": ID}),
        (Mapping[str, UUID | None], {"a": ID, "b": None}),
        (UUID, ID),
        (UserId, ID),
        (list[UserId], [ID]),
        (UUID | str, "not one"),
        (UUID | int, 5),
        (dt.datetime | str, "2020-01-02"),
        (dt.datetime | dt.date, SINCE),
        (dt.date, dt.date(2020, 1, 2)),
        (dt.time, dt.time(3, 4)),
        (Decimal, Decimal("1E+5")),
        (bytes, b"\xff"),
        (bytes, b"text"),
        (tuple, (1, 2)),
        (tuple[int, ...], (1, 2, 3)),
        (tuple[UUID, Account], (ID, ACCOUNT)),
        (tuple[()], ()),
        (Sequence[UUID], [ID]),
        (Iterable[tuple[str, UUID]], [("a", ID)]),
        (Place, Place("p", ID)),
        (Row, {"id": ID, "text": "t"}),
        (Annotated[Account, "a note"], ACCOUNT),
        (Annotated[int, msgspec.Meta(gt=3)], 5),
        (Annotated[int, pydantic.Field(gt=3)], 5),
        (list[list[dict[str, tuple[Account, ...]]]], [[{"a": (ACCOUNT,)}]]),
    ],
    ids=str,
)
def test_what_is_sent_arrives_typed(annotation, value):
    convert = converter(annotation)
    arrived = convert(decode_json(encode_json(value)))
    assert arrived == value
    assert type(arrived) is type(value)
    assert convert(value) == value, "a value that has its type already is left alone"


@pytest.mark.parametrize("value", [{1, 2}, frozenset({1})])
def test_sets_come_from_lists(value):
    assert converter(type(value))([1, 2, 1] if len(value) == 2 else [1]) == value
    assert converter(set[UUID])([str(ID), str(ID)]) == {ID}


@pytest.mark.parametrize(
    ("annotation", "plain", "value"),
    [
        (dt.datetime, "2020-01-02T03:04:05.000006Z", SINCE),
        (dt.date, "2020-01-02", dt.date(2020, 1, 2)),
        (dt.timedelta, 1.5, dt.timedelta(seconds=1.5)),
        (dt.timedelta, "PT90S", dt.timedelta(seconds=90)),
        (UUID, str(ID), ID),
        (UUID, ID.hex, ID),
        (Decimal, 1.5, Decimal("1.5")),
        (Decimal, 3, Decimal(3)),
        (bytes, "//4=", b"\xff\xfe"),
        (Account, {"fullName": "A", "since": SINCE}, Account("A", SINCE)),
        (Page, {"url": "u", "SIZE": 2}, Page(url="u", SIZE=2)),
        (Page, {"url": "u", "size": 2}, Page(url="u", SIZE=2)),
    ],
)
def test_plain_json_of_other_programs_and_half_decoded_values(annotation, plain, value):
    assert converter(annotation)(plain) == value


@pytest.mark.parametrize(
    "annotation",
    [
        int, str, float, bool, list, dict, object, Any, None, type(None), inspect.Parameter.empty, list[int],
        dict[str, Any], dict[str, list[int]], Sequence[str], int | str, int | None, Optional[str],  # noqa: UP045 - the old forms
        Union[int, str, None],  # noqa: UP007 - the old forms
        Literal["a", 1], T, Callable, Callable[[int], str], Unknown, Unknown | None, "Account", PlainRow,
        Annotated[int, "a note"], NewType("Name", str), type[int], typing.Iterable,
    ],
    ids=str,
)  # fmt: skip
def test_nothing_to_convert_costs_nothing(annotation):
    assert converter(annotation) is None


BOTH = (
    "user: fits none of the types it may have (expected a UUID, got other text; "
    "expected a date in ISO 8601, got other text)."
)


@pytest.mark.parametrize(
    ("annotation", "value", "sentence"),
    [
        (Account, 5, "user: expected object, got int."),
        (Account, {"fullName": "A"}, "user: object missing required field since."),
        (Account, {"fullName": 5, "since": SINCE}, "user.fullName: expected str, got int."),
        (list[Account], [ACCOUNT, {"fullName": 5, "since": SINCE}], "user[1].fullName: expected str, got int."),
        (list[Account], "abc", "user: expected a list, got str."),
        (Account | None, {"fullName": 5, "since": SINCE}, "user.fullName: expected str, got int."),
        (Account | None, 5, "user: expected object, got int."),
        (dict[str, UUID], {"a": "secret"}, "user['a']: expected a UUID, got other text."),
        (dict[str, UUID], [1], "user: expected an object, got list."),
        (dict[int, UUID], {"a": "x"}, "user['a']: this key is no int."),
        (tuple[int, UUID], [1], "user: expected 2 items, got 1."),
        (tuple[int, UUID], [1, "secret"], "user[1]: expected a UUID, got other text."),
        (tuple[UUID, ...], [str(ID), 5], "user[1]: expected a UUID, got int."),
        (Colour, "secret", "user: is no value of Colour."),
        (Colour, ["x"], "user: is no value of Colour."),
        (dt.datetime, "soon", "user: expected a date and time in ISO 8601, got other text."),
        (dt.datetime, 5, "user: expected a date and time in ISO 8601, got int."),
        (Decimal, "secret", "user: expected a decimal number, got other text."),
        (Decimal, True, "user: expected a decimal number, got bool."),
        (bytes, "not base64!", "user: expected bytes, or text in base64, got other text."),
        (bytes, "YW!I=", "user: expected bytes, or text in base64, got other text."),
        (set, [[1]], "user: holds lists or dicts, which no set can hold."),
        (set, 5, "user: expected a list of different values, got int."),
        (Odd, {"kind": "secret"}, "user.kind: is no value of Mixed."),
        (Odd, {}, "user: misses the field kind."),
        (Odd, {"kind": 1, "inner": {"kind": 5}}, "user.inner.kind: is no value of Mixed."),
        (Odd, 5, "user: expected an object, got int."),
        (Page, {"url": 5}, "user.url: input should be a valid string."),
        (Page, {"url": "u", "links": [{}]}, "user.links[0].url: field required."),
        (Box, {"page": {"url": 5}, "ids": []}, "user.page.url: input should be a valid string."),
        (Annotated[int, msgspec.Meta(gt=3)], 1, "user: expected int >= 4."),
        (Annotated[int, pydantic.Field(gt=3)], 1, "user: input should be greater than 3."),
        (UUID | dt.date, "secret", BOTH),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_path_and_never_shown(annotation, value, sentence):
    with pytest.raises(TypeError) as caught:
        converter(annotation, "user")(value)
    assert str(caught.value) == sentence
    assert "secret" not in str(caught.value)


def test_of_models_without_a_tag_the_one_that_knows_the_keys_is_taken():
    @dataclass
    class Small:
        a: int = 0

    @dataclass
    class Large:
        a: int = 0
        b: int = 0

    for annotation in (Small | Large, Large | Small):
        assert converter(annotation)({"a": 1, "b": 2}) == Large(1, 2)
    assert converter(Small | Large)({"a": 1}) == Small(1)

    class Wide(pydantic.BaseModel):
        a: int = 0
        c: int = pydantic.Field(default=0, alias="C")

    for key in ("c", "C"):
        assert converter(Small | Wide)({"a": 1, key: 2}) == Wide(a=1, C=2)


def test_a_value_of_a_class_that_json_does_not_know_is_left_alone():
    value = Unknown()
    assert converter(Unknown | Account)(value) is value
    assert converter(list[Account | Any])([value]) == [value]
    assert converter(Holder)({"thing": value}).thing is value
    with pytest.raises(TypeError, match=r"value.thing: expected Unknown, got int"):
        converter(Holder)({"thing": 5})


def test_a_union_that_msgspec_refuses_is_an_error_at_the_definition():
    class Pen(msgspec.Struct):
        owner: UUID | dt.date

    with pytest.raises(TypeError, match="str-like"):
        converter(Pen, "pen")


def test_a_field_that_cannot_be_resolved_is_named():
    namespace: dict[str, Any] = {"dataclass": dataclass}
    exec("from __future__ import annotations\n@dataclass\nclass Lost:\n    other: Missing\n", namespace)
    with pytest.raises(TypeError, match=r"lost: the fields of .* cannot be resolved: name 'Missing'"):
        converter(namespace["Lost"], "lost")


# Inside a Struct a time is RFC 3339, whose offsets are whole minutes.
offsets = st.builds(dt.timezone, st.integers(-1439, 1439).map(lambda minutes: dt.timedelta(minutes=minutes)))
accounts = st.builds(Account, st.text(), st.datetimes(timezones=offsets), st.sampled_from(Colour))
orders = st.builds(
    Order, st.integers(-(2**63), 2**63 - 1), st.decimals(allow_nan=False, allow_infinity=False),
    st.lists(st.builds(Line, st.text(), st.integers(-(2**63), 2**63 - 1)), max_size=3),
)  # fmt: skip


@given(st.lists(accounts, max_size=4))
def test_structs_round_trip(value):
    assert converter(list[Account])(decode_json(encode_json(value))) == value


@given(st.dictionaries(st.text(), st.none() | orders, max_size=4))
def test_dataclasses_round_trip(value):
    assert converter(dict[str, Order | None])(decode_json(encode_json(value))) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
ANNOTATIONS = [Account, list[Order], dict[int, UUID], tuple[int, UUID], Page, Odd, Box, Colour | None, Row, set, Place]


@given(st.sampled_from(ANNOTATIONS), json_values)
def test_any_json_converts_or_is_a_type_error(annotation, value):
    problem = ""
    try:
        converter(annotation, "value")(value)
    except TypeError as error:
        problem = str(error)
    assert problem == "" or problem.startswith("value")
