"""A forked child uses nothing that its parent has opened."""

from __future__ import annotations

import os
import threading

import pytest

from umbel import Umbel
from umbel.identity import oid, origin


def in_a_child(function) -> str:
    """What ``function`` returns in a forked child."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        word = "raised"
        try:
            word = str(function())
        finally:
            os.write(write, word.encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        word = answer.read()
    assert os.waitpid(pid, 0)[1] == 0
    return word


@pytest.fixture
def app(tmp_path):
    with Umbel("shop", broker=f"sqlite:///{tmp_path}/store.db") as made:
        yield made


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x, y):
        return x + y

    return add


def test_both_go_on_sending(app: Umbel, add):
    add.delay(1, 2)
    assert app.backend() is not None
    broker, parts = app.broker, app._stores._mine()

    def child():
        fresh = app._stores._thread.parts is None and app._stores._broker is None
        for number in range(20):
            add.delay(number, 0)
        return fresh and app.broker is not broker and app._stores._mine() is not parts

    assert in_a_child(child) == "True"
    add.delay(3, 4)
    assert app.broker.shelf().counts()[0].ready == 22


def test_what_threads_of_the_parent_had_open_is_not_closed_in_the_child(app: Umbel, add):
    ready, over = threading.Event(), threading.Event()

    def other():
        add.delay(1, 2)
        ready.set()
        over.wait(20)
        add.delay(5, 6)

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait(20)
    try:
        assert in_a_child(lambda: add.delay(3, 4).state) == "PENDING"
    finally:
        over.set()
        thread.join(20)
    assert app.broker.shelf().counts()[0].ready == 3


def test_ids_and_names_differ(app: Umbel, add):
    mine = (origin(), oid(), add.delay(1, 2).id)
    theirs = in_a_child(lambda: f"{origin()} {oid()} {add.delay(1, 2).id}").split()
    assert not set(mine) & set(theirs)
    assert (origin(), oid()) == mine[:2]


def test_a_child_of_a_child(app: Umbel, add):
    add.delay(1, 2)
    assert in_a_child(lambda: in_a_child(lambda: add.delay(3, 4).state)) == "PENDING"
    assert app.broker.shelf().counts()[0].ready == 2
