"""The shared page: what runs in a child is readable by its supervisor, also after its death."""

from __future__ import annotations

import os

from umbel.worker.page import FINISHED, Page, Running


def test_a_started_function_is_on_the_page_until_it_ends() -> None:
    row = Page(children=2, slots=2).row(1)
    cell = row.begin(77, 10.0, 15.0)
    assert row.running() == [Running(77, 10.0, 15.0)]
    row.end(cell)
    assert row.running() == []


def test_slots_are_used_again_and_never_twice_at_once() -> None:
    row = Page(children=1, slots=3).row(0)
    cells = {row.begin(tag, 1.0, 0.0) for tag in (1, 2, 3)}
    assert len(cells) == 3
    for cell in cells:
        row.end(cell)
    assert {row.begin(tag, 1.0, 0.0) for tag in (4, 5, 6)} == cells


def test_rows_of_two_children_do_not_touch() -> None:
    page = Page(children=2, slots=4)
    first = page.row(0)
    for tag in range(1, 5):
        first.begin(tag, 1.0, 0.0)
    assert page.row(1).running() == []
    page.row(1).reset(99)
    assert len(page.row(0).running()) == 4


def test_a_dead_childs_last_words_can_be_read() -> None:
    page = Page(children=1, slots=1)
    pid = os.fork()
    if pid == 0:
        row = page.row(0)
        row.put(FINISHED, 5)
        row.begin(123456789012345, 1.5, 2.5)
        os._exit(137)
    os.waitpid(pid, 0)
    assert page.row(0).running() == [Running(123456789012345, 1.5, 2.5)]
    assert page.row(0).get(FINISHED) == 5


def test_a_spawned_child_maps_the_same_page() -> None:
    page = Page(children=1, slots=1)
    other = Page(children=1, slots=1, fd=os.dup(page.fd))
    other.row(0).begin(7, 1.0, 0.0)
    assert [running.tag for running in page.row(0).running()] == [7]
