"""Results written, forgotten, expired and tidied by processes that are killed at any moment, then counted."""

from __future__ import annotations

import json
import random
import signal

import pytest

from tests.support import scale
from tests.support.until import until

WRITER = """
import json, os, random, sys, time
from umbel.adapters.sqlite import open_backend
from umbel.record import Record
path, log, start = sys.argv[1], sys.argv[2], sys.argv[3]
chance, name = random.Random(start), f"{os.getpid()}"
backend = open_backend("sqlite:///" + path, {})
log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def say(word, ids):
    os.write(log, (json.dumps([word, ids]) + "\\n").encode())

for step in range(10_000):
    ids = [f"{name}-{step}-{number}" for number in range(chance.choice([1, 2, 60, 300]))]
    brief = chance.random() < 0.3
    say("brief" if brief else "trying", ids)
    document = b"x" * chance.choice([0, 50, 500])
    backend.store([Record(each, "SUCCESS", document, time.time() + 0.2 if brief else 0.0) for each in ids])
    say("stored", ids)
    if chance.random() < 0.5:
        gone = chance.sample(ids, max(1, len(ids) // 3))
        say("forgetting", gone)
        backend.forget(gone)
        say("forgot", gone)
"""

TIDIER = """
import os, sys
from umbel.adapters.sqlite import open_broker
owners, log = open_broker("sqlite:///" + sys.argv[1], {}).owners(), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
while True:
    owners.tidy({})
    os.write(log, b"tidied\\n")
"""


@pytest.fixture
def start(store, processes, tmp_path):
    """Starts one of the two, and waits until it has done something."""
    for name, text in (("writer", WRITER), ("tidier", TIDIER)):
        (tmp_path / f"{name}.py").write_text(text)
    store.backend().store([])
    store.publish()
    count = 0

    def begin(name, chance):
        nonlocal count
        count += 1
        log = tmp_path / f"log-{name}-{count}"
        process = processes.python(tmp_path / f"{name}.py", store.path, log, str(chance.random()))
        until(lambda: log.exists() and log.read_bytes().count(b"\n") > 1, timeout=20)
        return name, process

    return begin


def said(tmp_path):
    """What the writers said, by word; a line that a kill cut is left out."""
    found = {word: set() for word in ("trying", "brief", "stored", "forgetting", "forgot")}
    for log in tmp_path.glob("log-writer-*"):
        for line in log.read_bytes().split(b"\n")[:-1]:
            word, ids = json.loads(line)
            found[word].update(ids)
    return found


@pytest.mark.chaos
@scale.limit(120)
def test_what_was_stored_is_there_and_what_was_forgotten_is_not(store, start, tmp_path):
    began = scale.seed()
    chance = random.Random(began)
    running = [start(name, chance) for name in ("writer", "writer", "tidier")]
    for _ in range(scale.count(full=40, small=8)):
        name, process = running.pop(chance.randrange(len(running)))
        process.stop(signal.SIGKILL)
        running.append(start(name, chance))
    for _, process in running:
        process.stop(signal.SIGKILL)
    words = said(tmp_path)
    owners, backend = store.owners(), store.backend()
    everything = sorted(words["trying"] | words["brief"])
    gone = words["forgot"] | words["brief"]
    until(lambda: not found_of(backend, sorted(words["brief"])), timeout=20)
    before = found_of(backend, everything)
    while owners.tidy({}):
        pass
    after = found_of(backend, everything)
    print(f"seed {began}: stored {len(words['stored'])}, forgotten {len(words['forgot'])}, found {len(after)}")
    assert not words["stored"] - words["brief"] - words["forgetting"] - before
    assert not before & gone
    assert before == after


def found_of(backend, ids):
    return {each for at in range(0, len(ids), 500) for each in backend.fetch(ids[at : at + 500])}
