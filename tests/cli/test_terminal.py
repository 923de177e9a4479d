"""The same command on a terminal, where it draws, and in a pipe, where it writes plain text."""

from __future__ import annotations

import re

import pytest

from tests.conftest import UMBEL
from tests.support.terminal import on_terminal
from tests.support.until import until

APP = ("-A", "shop")
COLOUR = "\x1b["


@pytest.fixture
def screen(shop):
    """Run a command line on a terminal."""
    return lambda *words: on_terminal(UMBEL, *APP, *words, folder=shop.folder, env=shop.processes.env)


@pytest.fixture
def pipe(shop):
    """Run a command line in a pipe."""
    return lambda *words: shop.umbel(*APP, *words)


def send(shop, *options, task="shop.add", args="[2, 3]"):
    done = shop.umbel("-q", *APP, "call", task, "-a", args, *options)
    assert done.returncode == 0, done
    return done.stdout.strip()


def columns(line):
    """Cells of a drawn row."""
    return re.split(r" {2,}", line.strip())


def assert_drawn(seen, heads, cells):
    assert seen.code == 0, seen.raw
    assert COLOUR in seen.raw
    assert "\t" not in seen.raw
    assert columns(seen.lines[0]) == heads
    assert any(columns(line)[: len(cells)] == cells for line in seen.lines[1:]), seen.raw


def assert_plain(done, heads, cells):
    assert (done.returncode, done.stderr) == (0, "")
    assert COLOUR not in done.stdout
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == heads
    assert rows[1][: len(cells)] == cells


def test_queues(shop, screen, pipe):
    send(shop)
    heads, cells = ["queue", "ready", "delayed", "running", "dead", "oldest"], ["celery", "1", "0", "0", "0"]
    assert_drawn(screen("queues"), heads, cells)
    assert_plain(pipe("queues"), heads, cells)


def test_messages(shop, screen, pipe):
    task_id = send(shop)
    heads = ["id", "task", "queue", "args", "kwargs", "retries", "owner", "due"]
    cells = [task_id, "shop.add", "celery", "[2, 3]", "{}", "0"]
    assert_drawn(screen("messages", "list"), heads, cells)
    assert_plain(pipe("messages", "list"), heads, cells)


def test_brackets_are_shown_as_they_are(shop, screen):
    send(shop, "--queue", "[red]x[/nothing]")
    assert columns(screen("queues").lines[1])[0] == "[red]x[/nothing]"


def test_json_on_a_terminal_is_indented_and_still_json(screen):
    seen = screen("queues", "--json")
    assert (seen.code, seen.lines) == (0, ["[]"])
    assert [line for line in screen("report", "--json").lines if line == '  "app": "shop",']


def test_dead_letters(shop, working, screen, pipe):
    bad = send(shop, task="shop.nobody_knows", args="[1]")
    shop.write("late.py", "from shop import app\napp.conf.task_unknown_hold = 0\n")
    worker = working("-c", "1", app="late:app")
    until(lambda: bad in pipe("dead", "list").stdout)
    assert worker.stop() == 0
    heads = ["id", "task", "queue", "args", "kwargs", "retries", "reason", "died"]
    cells = [bad, "shop.nobody_knows", "celery", "[1]", "{}", "0", "unknown task"]
    assert_drawn(screen("dead", "list"), heads, cells)
    assert_plain(pipe("dead", "list"), heads, cells)


@pytest.mark.long
def test_workers(shop, working, screen, pipe):
    worker = working("-c", "1", "-n", "w1@here")
    assert_drawn(screen("status", "-t", "5"), ["node", "answer"], ["w1@here", "OK"])
    assert pipe("status", "-t", "5").stdout == "w1@here: OK\n\n1 node online.\n"
    held = send(shop, task="shop.hold", args='["held.txt", 60]')
    until((shop.folder / "held.txt").exists)
    seen = screen("inspect", "active", "-t", "5")
    assert seen.lines[0] == "->  w1@here: OK"
    assert columns(seen.lines[1])[:3] == ["id", "name", "args"]
    assert columns(seen.lines[2])[:3] == [held, "shop.hold", "['held.txt', 60]"]
    plain = pipe("inspect", "active", "-t", "5").stdout
    assert plain.startswith(f"->  w1@here: OK\n    * {{'id': '{held}', 'name': 'shop.hold'")
    assert ["pid", str(worker.pid)] in [columns(line) for line in screen("inspect", "stats", "-t", "5").lines]
    assert f"    pid: {worker.pid}\n" in pipe("inspect", "stats", "-t", "5").stdout
    assert ["shop.add"] in [columns(line) for line in screen("inspect", "registered", "-t", "5").lines]
    assert "    * shop.add\n" in pipe("inspect", "registered", "-t", "5").stdout
    assert screen("inspect", "reserved", "-t", "5").lines == ["->  w1@here: OK", "- empty -"]
    assert pipe("inspect", "reserved", "-t", "5").stdout == "->  w1@here: OK\n        - empty -\n"
    shop.umbel(*APP, "revoke", "--terminate", held)
    assert worker.stop() == 0
