"""`umbel events`: the monitor on a terminal, and cameras."""

from __future__ import annotations

import json

import pytest

from tests.conftest import UMBEL, Project
from tests.support.terminal import Live
from tests.support.until import until

SHOP = """
import json
from umbel import Umbel
from umbel.events.snapshot import Polaroid

app = Umbel("shop", broker="sqlite:///store.db")


@app.task
def add(x, y):
    return x + y


@app.task
def boom(word):
    raise ValueError(word)


class Rows(Polaroid):
    clear_after = True

    def on_shutter(self, state):
        with open("rows.txt", "a") as out:
            for uuid, task in state.tasks_by_time():
                out.write(json.dumps([task.name, task.state, task.worker.hostname]) + chr(10))
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("shop.py", SHOP)
    return project


def start(shop: Project):
    worker = shop.worker("shop", "-c", "1", "-E", "-n", "w1@here", "-l", "INFO")
    worker.until_output("ready.")
    return worker


def test_tasks_are_drawn_and_asked_about(shop: Project):
    worker = start(shop)
    with Live(UMBEL, "-A", "shop", "events", folder=shop.folder, env=shop.env) as screen:
        screen.shows("w1@here")
        screen.shows("No task selected")
        shop.python("import shop; shop.add.delay(2, 3).get(timeout=20)")
        screen.shows("shop.add")
        screen.press("j")
        screen.shows("Selected: ")
        screen.press("i")
        assert "args: (2, 3)" in screen.shows("state: SUCCESS")
        screen.press(" ")
        screen.shows("Workers online: ")
        screen.press("r")
        screen.shows("Task Result for")
        screen.press(" ")
        screen.shows("Keys: ")
        shop.python("import shop; shop.boom.delay('bad').get(timeout=20, propagate=False)")
        screen.shows("shop.boom")
        screen.press("k")  # from the first, where add is the second now
        screen.press("t")
        screen.shows("ValueError: bad")
        screen.press(" ")
        screen.shows("Keys: ")
        screen.press("c")
        screen.shows("w1@here: tasks {")
        screen.press(" ")
        screen.shows("Keys: ")
        screen.press("l")
        screen.shows("New rate limit: ")
        screen.press("10/m\n")
        screen.shows("w1@here: new rate limit set successfully")
        screen.press(" ")
        screen.shows("Keys: ")
        screen.press("\x03")
        assert screen.ends() == 0
    worker.stop()


def test_without_a_terminal_it_says_so(shop: Project):
    done = shop.umbel("-A", "shop", "events")
    assert (done.returncode, done.stdout) == (64, "")
    assert "add --dump" in done.stderr


def test_a_camera_takes_pictures(shop: Project):
    worker = start(shop)
    command = (UMBEL, "-A", "shop", "events", "-c", "shop.Rows", "-F", "0.1", "--pidfile", "camera.pid")
    camera = shop.processes.start(*command)
    camera.until_output("-> evcam: Taking snapshots with shop.Rows (every 0.1 secs.)")
    assert int((shop.folder / "camera.pid").read_text()) == camera.pid
    rows = shop.folder / "rows.txt"

    def pictured() -> list:
        shop.python("import shop; shop.add.delay(2, 3).get(timeout=20)")
        return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []

    assert ["shop.add", "SUCCESS", "w1@here"] in until(pictured, "it has taken a picture")
    assert camera.stop() == 0
    assert not (shop.folder / "camera.pid").exists()
    worker.stop()


def test_a_camera_that_is_none(shop: Project):
    for name, said in (
        ("shop.nothing", "has no module or attribute 'nothing'"),
        ("nowhere.at_all", "nowhere"),
        ("shop.add", "The camera shop.add cannot be used"),
    ):
        done = shop.umbel("-A", "shop", "events", "-c", name)
        assert (done.returncode, said in done.stderr) == (64, True), done.stderr
