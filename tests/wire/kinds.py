"""Types of users whose values travel: an enum, an enum of numbers, a string of a kind of its own."""

from __future__ import annotations

import enum


class Colour(enum.Enum):
    RED = "red"
    MANY = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Name(str):
    __slots__ = ()
