"""Small functions that packages import from Celery and kombu: umbel's answer as those of an installed one."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import logging
import types
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from umbel import Umbel
from umbel.conf import DIFFERENT_DEFAULTS
from umbel.context import Made
from umbel.exceptions import ImproperlyConfigured
from umbel.ids import new_id
from umbel.integrations.celery.names import MODULES
from umbel.loading import symbol
from umbel.utils import nodenames


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


@pytest.mark.parametrize("name", ["w1@a.example.org", "a.example.org", "w1@", "@host", "w1@a@b"])
def test_node_names(name):
    for function in ("nodesplit", "default_nodename"):
        theirs, mine = both("celery.utils.nodenames", function)
        assert [*mine(name)] == [*theirs(name)]
    theirs, mine = both("celery.utils.nodenames", "node_format")
    if "@" in name and not name.endswith("@"):
        for text in ("/var/%n%I.log", "%h %d %i %%", "%p", ""):
            assert mine(text, name) == theirs(text, name)
    assert mine("%n-%x", "w1@host", x=lambda: "more") == theirs("%n-%x", "w1@host", x=lambda: "more")
    with pytest.raises(ValueError, match="%q"):
        mine("%q", name)


def test_names_of_this_process():
    for function in ("gethostname", "anon_nodename"):
        theirs, mine = both("celery.utils.nodenames", function)
        assert mine() == theirs()
    theirs, mine = both("celery.utils.nodenames", "host_format")
    assert mine("%h %n") == theirs("%h %n")
    theirs, mine = both("celery.utils.nodenames", "nodename")
    assert mine("w1", "host") == theirs("w1", "host")


def test_a_child_has_its_number():
    nodenames.number_process(3)
    try:
        assert nodenames.host_format("%i%I", "host") == "3-3"
    finally:
        nodenames.number_process(0)


def test_a_formatter_of_tasks():
    for make in both("celery.app.log", "TaskFormatter"):
        for level, colored in ((logging.INFO, "???[???] text"), (logging.ERROR, "\x1b[1;31m???[???] text\x1b[0m")):
            record = logging.LogRecord("name", level, "file", 1, "te%s", ("xt",), None)
            assert make("%(task_name)s[%(task_id)s] %(message)s").format(record) == colored
            assert make("%(message)s", use_color=False).format(record) == "text"
    app = Umbel("shop", set_as_current=False)
    task = app.task(name="add")(lambda: make("%(task_name)s[%(task_id)s]", use_color=False).format(record))
    assert task.apply(task_id="an-id").get() == "add[an-id]"


def test_answers_of_nodes():
    theirs, mine = both("celery.app.control", "flatten_reply")
    assert mine([{"a": 1}, {"b": 2}]) == theirs([{"a": 1}, {"b": 2}])
    for flatten in (theirs, mine):
        with pytest.warns(UserWarning, match="a"):
            assert flatten([{"a": 1}, {"a": 2}]) == {"a": 2}


def test_inspect_and_control_of_an_app():
    app = Umbel("shop", broker=f"memory://{new_id()}", set_as_current=False)
    control, inspect = (
        symbol(MODULES["celery.app.control"]["Control"]),
        symbol(MODULES["celery.app.control"]["Inspect"]),
    )
    assert inspect(app=app, timeout=0.01).ping() is None
    assert control(app).ping(timeout=0.01) == []
    assert inspect(["w@h"], app=app).app is app


def test_defaults():
    theirs, mine = both("celery.app.defaults", "SETTING_KEYS")
    assert mine == theirs
    theirs, mine = both("celery.app.defaults", "DEFAULTS")
    assert {name for name in theirs if theirs[name] != mine[name]} <= {*DIFFERENT_DEFAULTS}
    for name in ("DEFAULT_TASK_LOG_FMT", "DEFAULT_PROCESS_LOG_FMT", "DEFAULT_POOL", "DEFAULT_ACCEPT_CONTENT"):
        theirs, mine = both("celery.app.defaults", name)
        assert mine == theirs


@pytest.mark.parametrize(
    "words", [["-P", "green"], ["--pool", "green"], ["--pool=green"], ["-A", "x", "worker"], ["--pool", "blue"], ["-P"]]
)
def test_maybe_patch_concurrency(words):
    called = [[], []]
    for number, patch in enumerate(both("celery", "maybe_patch_concurrency")):
        with contextlib.suppress(IndexError):  # Celery's, of an option that has no value
            patch(["celery", *words], patches={"green": lambda number=number: called[number].append("green")})
    assert called[0] == called[1]


def test_zones():
    theirs, mine = both("celery.utils.time", "timezone")
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    for one in (theirs, mine):
        assert one.to_system(moment) == one.to_local(moment) == one.to_local_fallback(moment) == moment
        assert one.to_local(moment.replace(tzinfo=None), "Asia/Shanghai").isoformat() == "2026-07-01T20:00:00+08:00"
        assert one.tz_or_local("Asia/Tokyo") == one.get_timezone("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")
        assert one.tz_or_local().utcoffset(moment) == one.local.utcoffset(moment)
        assert one.utc.utcoffset(moment) == dt.timedelta(0)


def test_to_timestamp():
    theirs, mine = both("kombu.asynchronous.timer", "to_timestamp")
    for moment in (5.5, dt.datetime.now(dt.UTC), dt.datetime(2026, 1, 1)):  # noqa: DTZ001 - it takes those, too
        assert mine(moment) == pytest.approx(theirs(moment), abs=5)


def test_protocol_1_in_the_form_of_protocol_2():
    body = {"task": "add", "id": "an-id", "args": [1], "kwargs": {"x": 2}, "callbacks": ["c"], "taskset": "g", "utc": 1}
    message = types.SimpleNamespace(headers={"custom": 1}, payload=body, body=body)
    for function in ("proto1_to_proto2", "hybrid_to_proto2"):
        theirs, mine = (convert(message, dict(body)) for convert in both("celery.worker.strategy", function))
        assert [*mine[0][0]] == [*theirs[0][0]]
        assert (mine[0][1:], mine[2:]) == (theirs[0][1:], (theirs[2], bool(theirs[3])))
    with pytest.raises(ImproperlyConfigured):
        symbol(MODULES["celery.worker.strategy"]["proto1_to_proto2"])(message, {**body, "kwargs": 5})


def test_a_stack_of_tasks():
    stack, app = symbol(MODULES["celery._state"]["_task_stack"]), Umbel("shop", set_as_current=False)
    one, two = (app.task(name=name)(print) for name in ("one", "two"))
    assert (stack.top, stack.stack, len(stack), stack.pop()) == (None, [], 0, None)
    assert stack.push(one) == [one]
    one.request_stack.push(Made(id="an-id"))
    assert (stack.stack, stack.top, app.current_task, one.request.id) == ([one], one, one, "an-id")
    stack.push(two)
    assert (stack.stack, app.current_task) == ([one, two], two)
    assert (stack.pop(), stack.pop(), stack.pop()) == (two, one, None)
    assert (stack.stack, one.request.id) == ([one], "an-id")  # its request is still there
    one.request_stack.pop()
    assert len(stack) == 0


def test_maybe_sanitize_url():
    theirs, mine = both("kombu.utils.url", "maybe_sanitize_url")
    for url in ("redis://u:secret@h:1/0", "plain", None, 5):
        assert mine(url) == theirs(url)
    assert mine("redis://u:secret@h:1/0", mask="xx") == "redis://u:xx@h:1/0"


def test_the_first_of_settings():
    conf = Umbel("shop", set_as_current=False, changes={"task_time_limit": 3}).conf
    assert conf.first("nobody_has_it", "task_soft_time_limit", "CELERYD_TASK_TIME_LIMIT", "task_default_queue") == 3
    assert conf.first("nobody_has_it") is None


def test_what_airflow_imports():
    """Its executor's imports, and how it tells result stores apart: umbel's are asked one by one, by their handles."""
    wanted = {
        "celery": "Celery Task maybe_patch_concurrency",
        "celery.app.control": "Control Inspect",
        "celery.app.defaults": "DEFAULT_TASK_LOG_FMT",
        "celery.app.log": "TaskFormatter",
        "celery.backends.base": "BaseKeyValueStoreBackend",
        "celery.backends.database": "DatabaseBackend Task session_cleanup",
        "celery.result": "AsyncResult",
        "celery.signals": "after_setup_logger import_modules worker_ready",
        "celery.states": "SUCCESS FAILURE REVOKED STARTED PENDING RETRY",
    }
    found = {module: [symbol(MODULES[module][name]) for name in names.split()] for module, names in wanted.items()}
    app = Umbel("executor", broker="memory://executor", set_as_current=False)
    assert not isinstance(app.backend, (found["celery.backends.base"][0], found["celery.backends.database"][0]))
