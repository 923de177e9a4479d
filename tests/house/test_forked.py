"""A program of a forked interpreter is one of its own: its folder, environment, modules, output and end."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.support.forked import Interpreter
from tests.support.processes import alive


@pytest.fixture(scope="module")
def interpreter():
    interpreter = Interpreter("colorsys")
    yield interpreter
    interpreter.close()


@pytest.fixture
def run(interpreter, project):
    def run(code, **options):
        done = interpreter.run(code, project.folder, project.processes.env, **options)
        return done.returncode, done.stdout, done.stderr

    return run


def test_it_is_in_its_folder_and_environment(run, project):
    project.write("mod.py", "ANSWER = 42")
    assert run("import mod, os; print(mod.ANSWER, os.environ['HOME'], os.getcwd(), __name__)") == (
        0, f"42 {project.folder}/home {project.folder} __main__\n", "",
    )  # fmt: skip
    assert run("import os; print('PYTEST_XDIST' in os.environ, 'tests' in os.listdir())") == (0, "False False\n", "")


def test_nothing_is_left_of_the_one_before(run):
    assert run("import colorsys, sys; colorsys.left = here = 1; sys.modules['left'] = 1")[0] == 0
    code = "import colorsys, sys; print(hasattr(colorsys, 'left'), 'here' in globals(), 'left' in sys.modules)"
    assert run(code) == (0, "False False False\n", "")


def test_what_it_imports_is_there_already_and_nothing_else(run):
    assert run("import sys; print('colorsys' in sys.modules, 'umbel' in sys.modules)")[1] == "True False\n"


def test_its_end(run):
    assert run("import sys; sys.exit(3)")[0] == 3
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")[0] == -9
    assert run("import atexit; atexit.register(print, 'last'); print('first')")[1] == "first\nlast\n"
    code, _, err = run("def f():\n    raise ValueError('bad')\nf()")
    assert (code, err.splitlines()[-1]) == (1, "ValueError: bad")
    assert "forked.py" not in err


def test_one_that_does_not_end_is_killed(run):
    with pytest.raises(subprocess.TimeoutExpired):
        run("import time; time.sleep(600)", timeout=0.5)
    assert run("print('the next one')")[1] == "the next one\n"


def test_one_that_was_started_is_watched_signalled_and_reaped(interpreter, project):
    code = "import os, sys, time; print(sys.argv, os.getsid(0) == os.getpid()); time.sleep(600)"
    one = project.processes.fork(interpreter, code, "/bin/prog", "x")
    one.until_output("['/bin/prog', 'x'] True")
    other = project.processes.fork(interpreter, "import sys; print('up'); sys.exit('no')", "prog")
    assert (other.wait(), other.output()) == (1, "up\nno\n")
    assert one.alive
    one.send(signal.SIGTERM)
    assert (one.wait(), one.code) == (-signal.SIGTERM, -signal.SIGTERM)


def test_what_one_started_is_reaped_with_it(interpreter, project):
    code = "import os, time\npid = os.fork()\nif pid: print('pid', pid)\ntime.sleep(600)"
    one = project.processes.fork(interpreter, code, "prog")
    child = int(one.until_output("pid").split()[1])
    assert one.children() == [child]
    project.processes.reap()
    assert one.code == -signal.SIGKILL
    assert not alive(child)
