"""`crontab` by Celery's truth tables: what 5.7 itself answered, row by row."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.schedules.support import Asked
from umbel.schedules import crontab, crontab_parser

DATA = Path(__file__).parent / "data"
PARSED = json.loads((DATA / "crontab-parser.json").read_text())
DUE = json.loads((DATA / "crontab-is-due.json").read_text())


def parsed(row):
    text, number, first = re.fullmatch(r"'(.*)',(\d+),(\d+)", row).groups()
    try:
        return sorted(crontab_parser(int(number), int(first)).parse(text))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("row", PARSED)
def test_each_field(row):
    assert parsed(row) == PARSED[row]


def asked(row):
    zone, fields, now, last = row.split("|")
    moment = datetime.fromisoformat(now.removeprefix("now="))
    schedule = crontab(**ast.literal_eval(fields), app=Asked(zone, moment=moment))
    return schedule, moment, moment + timedelta(seconds=int(last.removeprefix("last=").removesuffix("s")))


def test_each_answer():
    wrong = {}
    for row, answer in DUE.items():
        schedule, _, last = asked(row)
        if [*schedule.is_due(last)] != answer:
            wrong[row] = (answer, [*schedule.is_due(last)])
    assert wrong == {}
    assert len(DUE) == 768


def test_next_after_says_what_is_due_says():
    """Where it is due later, that is when; where it is due now, the next time after now is when to ask again."""
    wrong = {}
    for row, (due, seconds) in DUE.items():
        schedule, moment, last = asked(row)
        following = schedule.next_after(moment if due else last)
        if following != moment + timedelta(seconds=seconds):
            wrong[row] = following
    assert wrong == {}


def test_next_after_is_never_in_the_past():
    """Asked at the second 02:10 of a night in which clocks go back, the first 02:30 is over."""
    schedule = crontab(minute=30, hour=2, app=Asked("Europe/Berlin"))
    first, asked = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert schedule.next_after(first - timedelta(hours=1)) == first
    assert schedule.next_after(asked) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
