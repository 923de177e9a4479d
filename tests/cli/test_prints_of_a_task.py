"""What a task prints: it stays where it was printed, or goes to the log with `worker_redirect_stdouts`."""

from __future__ import annotations

import pytest

PRINTING = """
import sys
from shop import app

@app.task
def speak(word):
    print("said", word)
    print("whispered", word, file=sys.stderr, end="")
"""


def speak(shop, worker):
    sent = shop.umbel("-q", "-A", "speech", "call", "speech.speak", "-a", '["hello"]', "--wait", "10")
    assert worker.stop() == 0
    return sent.stdout.splitlines()[0]


def test_it_stays_where_it_was_printed(shop, working):
    shop.write("speech.py", PRINTING)
    worker = working("-c", "1", app="speech")
    speak(shop, worker)
    assert "\nsaid hello\n" in worker.output()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_it_goes_to_the_log_with_the_name_and_id_of_its_task(shop, working, start):
    settings = "worker_redirect_stdouts=True, worker_redirect_stdouts_level='error'"
    shop.write("speech.py", PRINTING + f"\napp.conf.update({settings})\n")
    worker = working("-c", "1", "--pool-start-method", start, app="speech")
    task_id = speak(shop, worker)
    for words in ("said hello", "whispered hello"):
        [line] = [line for line in worker.output().splitlines() if words in line]
        assert line.endswith(f"ERROR/ForkPoolWorker-1] speech.speak[{task_id}]: {words}")


def test_a_level_that_does_not_exist_is_refused(shop):
    shop.write("speech.py", "from shop import app\napp.conf.worker_redirect_stdouts_level = 'LOUD'\n")
    said = shop.umbel("-A", "speech", "worker", "-c", "1")
    assert said.returncode == 64
    assert said.stderr == "umbel: worker_redirect_stdouts_level must be the name of a level, WARNING say, not 'LOUD'\n"


@pytest.mark.parametrize(("line", "coloured"), [((), True), (("--no-color",), False)])
def test_lines_are_coloured_when_it_was_said(shop, line, coloured):
    shop.write("speech.py", "from shop import app\napp.conf.worker_log_color = True\n")
    worker = shop.processes.start("umbel", *line, "-A", "speech", "worker", "-c", "1", "-l", "INFO")
    worker.until_output("ready.", timeout=20)
    assert worker.stop() == 0
    [stop] = [text for text in worker.output().splitlines() if "Warm shutdown" in text]
    assert stop.startswith("\x1b[1;33m[") is coloured
