"""Schedules as text, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.schedules import (
    BaseSchedule,
    at,
    cron,
    crontab,
    every,
    once,
    read_file,
    read_schedule,
    schedule,
    solar,
    write_schedule,
)  # fmt: skip

KINDS = [
    30, 1.5, timedelta(hours=2), "0 9 * * mon", "@daily", "every(days=1)",
    every(minutes=5, jitter=3, tz="Europe/Berlin", start="2026-01-01", end=datetime(2027, 1, 1, tzinfo=UTC)),
    at("09:00", "17:30:15", days="mon-fri"), at("09:00", tz="Asia/Shanghai"), once("2027-01-31T09:00", tz="UTC"),
    cron("0 9 L * *", jitter=60), crontab(), crontab(minute="*/5", hour={7, 3}), crontab(0, 0, day_of_month="1-7"),
    schedule(3600, relative=True), solar("sunset", 31.2, -121.4),
]  # fmt: skip


@pytest.mark.parametrize("when", KINDS, ids=str)
def test_a_schedule_comes_back_from_its_text(when):
    text = write_schedule(when)
    read = read_schedule(text)
    assert write_schedule(read) == text
    if isinstance(when, BaseSchedule):
        assert type(read) is type(when)
        assert read == when


@given(minutes=st.integers(1, 10**6), jitter=st.integers(0, 59), zone=st.sampled_from(["UTC", "Asia/Shanghai"]))
def test_every_interval_comes_back(minutes, jitter, zone):
    when = every(minutes=minutes, jitter=jitter, tz=zone)
    assert read_schedule(write_schedule(when)) == when


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("every(minutes=-1)", "An interval of -60 seconds never ends"),
        ("fortnightly(2)", "is no kind of schedule; write one of every, at, cron"),
        ("__import__('os').system('x')", "is no kind of schedule"),
        ("every(minutes=__import__('os'))", "holds more than plain values"),
        ("every(", "cannot be read; write a call"),
        ("every(app=1)", "names app, which only code can give"),
        ("every(" + "(" * 5000, "cannot be read"),
        ("", "cannot be read or has no day"),
        ("at('25:00')", "is no time of a day"),
    ],
)
def test_what_means_no_schedule_is_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_schedule(text)


@pytest.mark.parametrize(
    "when",
    [
        every(minutes=1, tz=timezone(timedelta(hours=3))), every(minutes=1, nowfun=datetime.now), BaseSchedule(), None,
        True, [],
    ],
    ids=["zone", "clock", "class", "none", "true", "list"],
)  # fmt: skip
def test_what_no_text_can_hold_is_refused(when):
    with pytest.raises(ValueError, match="cannot be written as a text"):
        write_schedule(when)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.toml", "[a\n", "cannot be read"), ("a.json", "{", "cannot be read"), ("a.json", "[]", "holds no entries"),
        ("a.txt", "", "neither .toml nor .json"), ("a.toml", b"\xff", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told(tmp_path, name, text, sentence):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=sentence):
        read_file(tmp_path / name)


def test_both_kinds_of_files(tmp_path):
    (tmp_path / "a.toml").write_text('[a]\ntask = "t"\nschedule = 5\n')
    (tmp_path / "a.json").write_text('{"a": {"task": "t", "schedule": 5}}')
    assert read_file(tmp_path / "a.toml") == read_file(str(tmp_path / "a.json"))
