"""The bare loop carries what umbel carries: the same envelope and body, the same result document, field for field."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from benchmarks import bare, bare_redis, work
from umbel.adapters.redis.envelope import sealed
from umbel.message import Parcel
from umbel.worker.documents import _Document

TOP = Path(__file__).resolve().parents[2]

UMBELS = """
import json
from benchmarks.apps.umbel_app import app, tasks
from benchmarks.work import NOTE

parcel = app.build(tasks["noop"].name, (7, NOTE), {}, task=tasks["noop"])
print(json.dumps([parcel.head.decode(), parcel.body.decode()]))
"""


def fields(value, name=""):
    """Every name with the type of its value; free texts, ids and numbers may differ."""
    if isinstance(value, dict):
        return {key: fields(inner, key) for key, inner in value.items()}
    return [fields(inner) for inner in value] if isinstance(value, list) else type(value).__name__


@pytest.fixture(scope="module")
def parcel(tmp_path_factory):
    env = {
        **os.environ,
        "PYTHONPATH": f"{TOP}{os.pathsep}{TOP / 'src'}",
        "BENCH_FOLDER": str(tmp_path_factory.mktemp("store")),
    }
    done = subprocess.run(
        [sys.executable, "-c", UMBELS], env=env, capture_output=True, text=True, timeout=30, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def message():
    return [part.decode() for part in bare.message("benchmarks.work.noop", (7, work.NOTE), "gen1@host")[1:]]


def test_the_head_has_the_same_fields(parcel, message):
    assert fields(json.loads(message[0])) == fields(json.loads(parcel[0]))


def test_the_body_is_the_same(parcel, message):
    assert json.loads(message[1]) == json.loads(parcel[1])


def test_the_envelope_of_the_redis_loop_is_umbels():
    parcel = Parcel("celery", "id", "noop", *bare.message("benchmarks.work.noop", (7, work.NOTE), "gen1@host")[1:])
    ours = sealed(parcel, time.time())[0]
    theirs = bare_redis.envelope("benchmarks.work.noop", (7, work.NOTE), "gen1@host")[1]
    assert fields(json.loads(theirs)) == fields(json.loads(ours))
    assert abs(len(ours) - len(theirs)) <= 0.02 * len(ours)


def test_the_result_document_has_the_same_fields():
    always = [field.encode_name for field in msgspec.structs.fields(_Document) if field.default is not msgspec.UNSET]
    assert [field.encode_name for field in msgspec.structs.fields(bare.Document)] == always


def test_the_sizes_are_the_same_within_two_percent(parcel, message):
    ours, theirs = sum(map(len, parcel)), sum(map(len, message))
    assert abs(ours - theirs) <= 0.02 * ours
