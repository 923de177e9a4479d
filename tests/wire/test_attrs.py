"""Classes of attrs travel as dataclasses do."""

from __future__ import annotations

import json

import pytest

from umbel.serialization import converter, encode_json

attrs = pytest.importorskip("attrs")


@attrs.define
class Point:
    x: int
    y: float


def test_they_are_plain_json_and_come_back():
    assert json.loads(encode_json([Point(1, 2.5)])) == [{"x": 1, "y": 2.5}]
    assert converter(list[Point])([{"x": 1, "y": 2.5}]) == [Point(1, 2.5)]
    with pytest.raises(TypeError, match=r"value\[0\].x: expected int"):
        converter(list[Point])([{"x": "1", "y": 2.5}])
