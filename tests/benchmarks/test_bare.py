"""The bare loop is a fair measure: umbel's pragmas, umbel's messages, umbel's result documents."""

from __future__ import annotations

import json

import apsw
import pytest

from benchmarks import bare, pragmas, work


@pytest.fixture
def connection(tmp_path):
    made = bare.connect(str(tmp_path / "bare.db"))
    yield made
    made.close()


def shape(value):
    """Keys and types, in order."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


def test_it_runs_and_settles_what_it_claims(connection, tmp_path):
    sent = [bare.message("benchmarks.work.noop", (number, work.NOTE), "gen1@host") for number in range(700)]
    connection.executemany(bare.SEND, [row[1:] for row in sent])
    loop = bare.Loop(str(tmp_path / "bare.db"))
    rows = loop.claim()
    assert len(rows) == bare.BATCH
    assert len(loop.claim()) == 200, "what is claimed is not claimed again"
    loop.settle(*loop.run(rows))
    loop.connection.close()
    kept = dict(connection.execute("SELECT id, document FROM result"))
    assert {task_id: json.loads(document)["result"] for task_id, document in kept.items()} == {
        row[0]: number for number, row in enumerate(sent[: bare.BATCH])
    }
    assert connection.execute("SELECT count(*) FROM message").get == 200


def test_the_body_is_about_300_bytes():
    assert 280 <= len(bare.message("benchmarks.work.noop", (123, work.NOTE), "gen1@host")[2]) <= 320


def test_its_pragmas_are_those_of_umbels_store(connection, tmp_path):
    sqlite = pytest.importorskip("umbel.adapters.sqlite")
    path = tmp_path / "umbel.db"
    broker = sqlite.open_broker(f"sqlite:///{path}", {})
    publisher = broker.publisher()
    publisher.publish([])
    ours = publisher_connection(publisher)
    assert pragmas.read(ours) == pragmas.read(connection)
    publisher.close()


def publisher_connection(publisher) -> apsw.Connection:
    """The connection that a part of the store works on, opened."""
    link = next(value for name in dir(publisher) if hasattr(value := getattr(publisher, name), "_connection"))
    link.read("SELECT 1")
    return link._connection
