"""Names, old names and defaults are those of Celery 5.7, except where one list says otherwise."""

from __future__ import annotations

import datetime as dt
import json
import math
import typing
from pathlib import Path

import pytest

from umbel.conf import DIFFERENT_DEFAULTS, SETTINGS, Settings
from umbel.conf.accepted import ACCEPTED, REASONS, reasons
from umbel.conf.checks import checked
from umbel.conf.old_names import OLD_NAMES
from umbel.conf.table import Kind

DATA = Path(__file__).parent / "data"
CELERY = {
    name: eval(row["default"], {"datetime": dt, "inf": math.inf})
    for name, row in json.loads((DATA / "config-defaults.json").read_text()).items()
}
OLD = json.loads((DATA / "config-old-to-new.json").read_text())
OWN = {
    "worker_async_concurrency": 500,
    "worker_shutdown_grace": 25.0,
    "task_publish_deadline": 5.0,
    "task_unknown_hold": 300.0,
    "task_queue_max_length": {},
    "worker_poison_limit": 3,
    "dead_letter_max_age": dt.timedelta(days=30),
    "dead_letter_max_count": 100_000,
    "result_max_count": 0,
    "worker_log_json": False,
    "task_rate_limit_scope": "worker",
    "beat_entries_file": None,
    "task_redact_args": False,
    "decompressed_max_size": 128 * 2**20,
}


def test_every_setting_of_celery_has_its_default_or_a_reason():
    conf = Settings()
    different = {name for name, default in CELERY.items() if conf[name] != default}
    assert different == set(DIFFERENT_DEFAULTS) - {"result_backend"}
    assert conf.result_backend is CELERY["result_backend"] is None


@pytest.mark.parametrize("name", DIFFERENT_DEFAULTS)
def test_a_difference_tells_both_sides_truly(name):
    row = DIFFERENT_DEFAULTS[name]
    assert row.celery == CELERY[name]
    assert row.why.endswith(".")
    if name != "result_backend":
        assert row.umbel == Settings()[name] != row.celery


def test_celerys_defaults_can_be_had():
    conf = Settings({"worker_prefetch_multiplier": 7})
    assert conf.task_acks_late is True
    conf.use_celery_defaults()
    read = {name: conf[name] for name in CELERY}
    assert read == {**CELERY, "worker_prefetch_multiplier": 7}


def test_umbels_own_settings():
    conf = Settings()
    assert {name: conf[name] for name in SETTINGS if SETTINGS[name].own} == OWN


def test_the_tables_hold_each_name_once():
    assert not SETTINGS.keys() & ACCEPTED.keys()
    assert (SETTINGS.keys() | ACCEPTED.keys()) == CELERY.keys() | OWN.keys()


def test_old_names():
    assert {old: new for old, new in OLD_NAMES.items() if old in OLD} == OLD
    assert set(OLD_NAMES) - set(OLD) == {"CELERY_CONTENT"}


@pytest.mark.parametrize("row", SETTINGS.values(), ids=lambda row: row.name)
def test_a_row_documents_itself_and_accepts_its_own_default(row):
    assert row.doc.endswith(".")
    assert row.doc[0].isupper()
    assert row.kind in typing.get_args(Kind)
    assert checked(row, row.default) == row.default
    if row.name in CELERY and CELERY[row.name] is not None:
        assert checked(row, CELERY[row.name]) == CELERY[row.name]


def test_a_default_that_is_changed_is_changed_for_one_app_only():
    one, other = Settings(), Settings()
    one.beat_schedule["tick"] = {"task": "t"}
    one.broker_transport_options["a"] = 1
    one.database_engine_options["pool_recycle"] = 5
    assert one.beat_schedule == {"tick": {"task": "t"}}
    assert other.beat_schedule == other.broker_transport_options == {}
    assert other.database_engine_options == CELERY["database_engine_options"]


def test_a_setting_without_effect_has_one_reason():
    told = reasons()
    assert sorted(name for names in told.values() for name in names) == sorted(ACCEPTED)
    assert all(told.values())
    starts = [start for one in REASONS.values() for start in one.split()]
    assert len(starts) == len(set(starts))
    for name in ACCEPTED:
        assert sum(name.startswith(tuple(one.split())) for one in REASONS.values()) == 1, name
    for start in starts:
        assert any(name.startswith(start) for name in ACCEPTED), start
