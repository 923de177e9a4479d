"""A thread that holds the interpreter lock must not hold the file's write lock, whatever its process was writing."""

from __future__ import annotations

import time

import pytest

from tests.sqlite.store import done, parcel

WRITER = """
import ctypes, os, sys, threading, time
from umbel import ids
from umbel.adapters.sqlite import open_backend, open_broker
from umbel.broker import Owner, Want
from umbel.message import Parcel
from umbel.outcome import Done
from umbel.record import Record

url = "sqlite:///" + sys.argv[1]
broker, backend = open_broker(url, {}), open_backend(url, {})
owner = Owner(ids.nonce(), "busy@test", os.getpid(), "child", 0.0)
broker.owners().enlist(owner)
consumer, publisher = broker.consumer(owner), broker.publisher()
writes = 0

def write():
    global writes
    outcomes, number = [], 0
    while True:
        publisher.publish([Parcel("busy", "x", "t", b"{}", b"[]") for _ in range(50)])
        turn = consumer.turn(outcomes, Want(("busy",), 50))
        outcomes = [Done(delivery, Record(f"r{number}", "SUCCESS", b"{}")) for delivery in turn.deliveries]
        number += 1
        backend.store([Record(f"s{number}", "STARTED", b"{}")])
        writes += 3

threading.Thread(target=write, daemon=True).start()
sleep = ctypes.PyDLL(None).usleep  # keeps the interpreter lock, as a task in C code may
while writes < 300:
    time.sleep(0.01)
print("holding", flush=True)
end = time.monotonic() + float(sys.argv[2])
held = 0
while time.monotonic() < end:
    sleep(500_000)  # again and again: each time the other thread is somewhere else in its work
    held += 1
    time.sleep(0.002)
print("held", held, "wrote", writes, flush=True)
"""


@pytest.mark.alone
def test_others_write_while_a_process_holds_the_interpreter_lock(store, processes, tmp_path):
    (tmp_path / "writer.py").write_text(WRITER)
    publisher, backend, worker = store.publisher(), store.backend(), store.worker()
    process = processes.python(tmp_path / "writer.py", store.path, "5")
    process.until_output("holding")
    seconds = []
    held = []
    while "wrote" not in process.output():
        before = time.monotonic()
        publisher.publish([parcel()])
        held = worker.turn(*map(done, held)).deliveries
        seconds.append((time.monotonic() - before) / 2)
    assert process.wait() == 0, process.output()
    seconds.sort()
    assert len(seconds) > 500
    assert seconds[int(len(seconds) * 0.99)] < 0.05, "one write of a hundred waited longer than 50 ms"
    assert seconds[-1] < 0.2, f"a write waited {seconds[-1] * 1000:.0f} ms, as if for the other's interpreter lock"
    assert backend.fetch(["s1"])
