"""Small functions that packages import from Celery and kombu: umbel's answer as those of an installed one."""

from __future__ import annotations

import datetime as dt
import importlib
import logging
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from umbel import Umbel
from umbel.integrations.celery.names import MODULES
from umbel.loading import symbol


def both(module, name):
    return getattr(importlib.import_module(module), name), symbol(MODULES[module][name])


@pytest.mark.parametrize("seconds", [0, 0.004, 0.4, 0.999, 1, 59.999, 60, 90, 3600, 86399, 86400, 200000, -5])
@pytest.mark.parametrize("options", [{}, {"prefix": "in ", "sep": "~"}, {"microseconds": True, "now": "at once"}])
def test_humanize_seconds(seconds, options):
    theirs, mine = both("celery.utils.time", "humanize_seconds")
    assert mine(seconds, **options) == theirs(seconds, **options)


@pytest.mark.parametrize("zone", [None, dt.UTC])
@pytest.mark.parametrize("tz", [None, ZoneInfo("Asia/Shanghai")])
def test_maybe_make_aware(zone, tz):
    theirs, mine = both("celery.utils.time", "maybe_make_aware")
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=zone)
    for as_utc in (True, False):
        one, other = theirs(moment, tz, as_utc), mine(moment, tz, as_utc)
        assert (other, other.utcoffset()) == (one, one.utcoffset())


def test_json():
    write, dumps = both("kombu.utils.json", "dumps")
    read, loads = both("kombu.utils.json", "loads")
    value = {"at": dt.datetime(2027, 1, 1, tzinfo=dt.UTC), "d": Decimal("1.5"), "u": UUID(int=7), "b": b"x", "l": (1,)}
    assert dumps(value) == write(value)
    assert loads(write(value)) == read(write(value)) == loads(write(value).encode())
    assert dumps({"b": 1, "a": 2}, sort_keys=True, indent=1) == write({"b": 1, "a": 2}, sort_keys=True, indent=1)
    assert loads(bytearray(b"[1]")) == loads(memoryview(b"[1]")) == [1]


def test_symbol_by_name():
    theirs, mine = both("kombu.utils.imports", "symbol_by_name")
    for find in (theirs, mine):
        assert find("os.path.join") is find("os.path:join") is find("j", {"j": "os.path:join"})
        assert find("os") is importlib.import_module("os")
        assert find(dict) is dict
        assert find("nowhere.at:all", default=5) == 5
        with pytest.raises(ImportError):
            find("nowhere:at_all")
        with pytest.raises(AttributeError):
            find("os:at_all")


def test_cached_property():
    for make in both("kombu.utils.objects", "cached_property"):
        told = []

        class Shop:
            count = 0

            @make
            def door(self):
                self.count += 1
                return f"open {self.count}"

            @door.setter
            def door(self, value, told=told):
                told.append(("set", value))
                return value.upper()

            @door.deleter
            def door(self, value, told=told):
                told.append(("deleted", value))

        shop = Shop()
        assert (shop.door, shop.door, isinstance(Shop.door, make)) == ("open 1", "open 1", True)
        shop.door = "shut"
        assert shop.door == "SHUT"
        del shop.door
        del shop.door
        assert shop.door == "open 2"
        assert told == [("set", "shut"), ("deleted", "SHUT")]


def test_get_logger():
    theirs, mine = both("celery.utils.log", "get_logger")
    for name in ("shop.beats", "celery.beat", "celery"):
        assert mine(name) is theirs(name)
    assert mine("shop.more").parent is logging.getLogger("celery")


def test_maybe_sanitize_url():
    theirs, mine = both("kombu.utils.url", "maybe_sanitize_url")
    for url in ("redis://u:secret@h:1/0", "plain", None, 5):
        assert mine(url) == theirs(url)
    assert mine("redis://u:secret@h:1/0", mask="xx") == "redis://u:xx@h:1/0"


def test_the_first_of_settings():
    conf = Umbel("shop", set_as_current=False, changes={"task_time_limit": 3}).conf
    assert conf.first("nobody_has_it", "task_soft_time_limit", "CELERYD_TASK_TIME_LIMIT", "task_default_queue") == 3
    assert conf.first("nobody_has_it") is None
