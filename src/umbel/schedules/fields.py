"""The fields of `crontab`: a text becomes a set of numbers, by Celery's grammar.

    field  = part ("," part)*
    part   = "*" | "*" "/" step | value | value "-" value | value "-" value "/" step
    value  = a number, or a name, of which three letters count: sun..sat = 0..6, jan..dec = 1..12

A range whose end is before its begin goes around (`sat-mon`, `22-3`). What follows a range is passed over, as Celery
does it (`1-2-3` is `1-2`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

_RANGE: Final = re.compile(r"(\w+?)-(\w+)(/(\w+)?)?")
_STAR_STEP: Final = re.compile(r"\*/(\w+)?")

MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


class ParseException(Exception):
    """A field of `crontab` that is not of its grammar."""


class crontab_parser:  # noqa: N801 - Celery's name
    """Reads one field.

    Args:
        max_: how many values the field has.
        min_: the first of them.

    Example:
        >>> sorted(crontab_parser(24).parse("22-3,12"))
        [0, 1, 2, 3, 12, 22, 23]
    """

    ParseException = ParseException

    def __init__(self, max_: int = 60, min_: int = 0) -> None:
        self.max_ = max_
        self.min_ = min_

    def parse(self, spec: str) -> set[int]:
        """The values that a field means.

        Raises:
            ParseException, ValueError: it means none.
        """
        found: set[int] = set()
        for part in spec.split(","):
            if not part:
                raise self.ParseException("empty part")
            found.update(self._part(part))
        return found

    def _part(self, part: str) -> list[int]:
        everything = list(range(self.min_, self.min_ + self.max_))
        if part == "*":
            return everything
        if ranged := _RANGE.match(part):
            first, last, filtered, step = ranged.groups()
            values = self._between(self._number(first), self._number(last))
            return self._stepped(values, step) if filtered else values
        if starred := _STAR_STEP.match(part):
            return self._stepped(everything, starred[1])
        return [self._number(part)]

    def _stepped(self, values: list[int], step: str | None) -> list[int]:
        if not step:
            raise self.ParseException("empty filter")
        return values[:: int(step)]

    def _between(self, first: int, last: int) -> list[int]:
        if first <= last:
            return list(range(first, last + 1))
        return [*range(first, self.min_ + self.max_), *range(self.min_, last + 1)]

    def _number(self, text: str) -> int:
        if text.startswith("-"):
            raise self.ParseException("negative numbers not supported")
        short = text[:3].lower()
        try:
            value = int(text)
        except ValueError:
            if short not in MONTHS + DAYS:
                raise ValueError(f"Invalid weekday literal {text!r}.") from None
            value = MONTHS.index(short) + 1 if short in MONTHS else DAYS.index(short)
        highest = self.min_ + self.max_ - 1
        if value > highest:
            raise ValueError(f"Invalid end range: {value} > {highest}.")
        if value < self.min_:
            raise ValueError(f"Invalid beginning range: {value} < {self.min_}.")
        return value


def expand(given: Any, max_: int, min_: int = 0) -> set[int]:
    """The values of a field that is a number, a text or numbers.

    Raises:
        TypeError: it is something else.
        ValueError, ParseException: a value is not one of this field.
    """
    if isinstance(given, int):
        found = {given}
    elif isinstance(given, str):
        found = crontab_parser(max_, min_).parse(given)
    elif isinstance(given, Iterable):
        found = set(given)
    else:
        raise TypeError(f"A field of crontab is a number, a text or numbers, not {given!r}.")
    for value in found:
        if not min_ <= value < min_ + max_:
            raise ValueError(f"A field of crontab holds {value!r}; its values are {min_} to {min_ + max_ - 1}.")
    if not found:
        raise ValueError("A field of crontab is empty, so that it would never run; leave it out for all values.")
    return found
