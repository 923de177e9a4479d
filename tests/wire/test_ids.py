from __future__ import annotations

import re
import subprocess
import sys
import threading
import uuid

from umbel.ids import derived_id, new_id, nonce

VERSION_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_an_id_is_the_text_of_a_random_uuid():
    for _ in range(1000):
        made = new_id()
        assert VERSION_4.fullmatch(made)
        assert str(uuid.UUID(made)) == made


def test_ids_do_not_repeat_across_threads():
    made: list[list[str]] = [[] for _ in range(4)]
    start = threading.Barrier(4)

    def draw(into: list[str]) -> None:
        start.wait(10)
        into.extend(new_id() for _ in range(5000))

    threads = [threading.Thread(target=draw, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len({found for into in made for found in into}) == 20_000


def test_a_forked_child_draws_other_ids_than_its_parent():
    code = """
import os
from umbel.ids import new_id
new_id()  # the parent holds a page of ids now
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.write(writing, "\\n".join(new_id() for _ in range(300)).encode())
    os._exit(0)
os.close(writing)
theirs = b""
while piece := os.read(reading, 65536):
    theirs += piece
os.waitpid(child, 0)
ours = {new_id() for _ in range(300)}
print(len(ours & set(theirs.decode().split())), len(theirs.decode().split()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["0", "300"]


def test_a_follow_up_has_one_id_for_ever():
    # The value itself is part of the wire format: another release must derive the same.
    assert derived_id("e5da1066-54c3-44d2-8967-a4ee9fa5c800", 0) == "9a6eade4-ae9a-5de1-a7ac-b06660f258a7"
    assert derived_id("a", 1) != derived_id("a", 0) != derived_id("b", 0)


def test_position_and_parent_do_not_run_together():
    assert derived_id("1/a", 0) != derived_id("a", 1)
    assert derived_id("/1", 1) != derived_id("1", 11)


def test_a_nonce_fits_a_signed_64_bit_column():
    made = {nonce() for _ in range(1000)}
    assert len(made) == 1000
    assert all(0 < number < 2**62 for number in made)
