"""`umbel drain` at the command line: what it prints, where, and with which exit code. Stores are SQLite files."""

from __future__ import annotations

import os
import time
from contextlib import closing

from umbel import drain
from umbel.broker import Owner, Want
from umbel.cli import drain as command
from umbel.loading import open_broker

APP = ("-A", "shop")
TO = ("--to", "sqlite:///new.db")


def send(umbel, *options):
    said = umbel(*APP, "call", "shop.add", "-a", "[2, 3]", *options)
    assert said.code == 0, said


def test_what_was_moved_is_printed_as_a_table_and_as_json(umbel):
    send(umbel)
    send(umbel, "--queue", "mail", "--countdown", "600")
    said = umbel(*APP, "drain", *TO)
    rows = [row.split("\t") for row in said.out.splitlines()]
    assert (said.code, rows) == (0, [["queue", "moved", "set aside"], ["celery", "1", "0"], ["mail", "1", "0"]])
    assert umbel(*APP, "-b", "sqlite:///new.db", "queues", "--json").data[1]["delayed"] == 1
    again = umbel(*APP, "-b", "sqlite:///shop.db", "drain", *TO, "--json")
    assert again.data == {"moved": {}, "set_aside": {}, "leased": 0, "delayed": 0, "dead": 0}
    assert umbel(*APP, "drain", *TO).err == "Nothing to move.\n"


def test_progress_is_on_standard_error_and_not_when_it_is_to_be_quiet(umbel, monkeypatch):
    monkeypatch.setattr(command, "_EVERY", 0.0)
    monkeypatch.setattr(drain, "BATCH", 1)
    for quiet, expected in (((), "1 moved\n2 moved\n"), (("-q",), "")):
        send(umbel)
        send(umbel)
        said = umbel(*quiet, *APP, "drain", *TO)
        assert (said.code, said.err) == (0, expected)


def test_live_workers_are_code_1_and_keep_what_they_hold(umbel, shop, monkeypatch):
    monkeypatch.setattr(drain, "_PATIENCE", 0.0)
    send(umbel)
    broker = open_broker(f"sqlite:///{shop.folder}/shop.db", {})
    owner = Owner(7, "w@here", os.getpid(), "child", time.time())
    send(umbel)
    with closing(broker.owners()) as owners, closing(broker.consumer(owner)) as consumer:
        owners.enlist(owner)
        assert len(consumer.turn([], Want(("celery",), 1)).deliveries) == 1
        said = umbel(*APP, "drain", *TO)
        assert (said.code, "Workers are alive (w@here)" in said.err) == (1, True), said
        said = umbel(*APP, "drain", *TO, "--force")
        assert (said.code, "1 held by live workers" in said.err) == (1, True), said
        owners.retire(7)


def test_what_cannot_work_is_code_64(umbel):
    for words in ((), ("--to", "sqlite:///shop.db"), ("--to", "memory://")):
        assert umbel(*APP, "drain", *words).code == 64
