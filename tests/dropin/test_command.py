"""`umbel --as-celery` and `python -m celery`: what they print, whose defaults they have, and how long they wait."""

from __future__ import annotations

import signal

import pytest

from tests.conftest import UMBEL, Project
from umbel.conf import DIFFERENT_DEFAULTS
from umbel.integrations.celery import PATH

pytestmark = pytest.mark.timeout(180)  # each starts a worker and a few more interpreters

PROJ = """
from celery import Celery

app = Celery("proj")


@app.task
def add(x, y):
    return x + y


@app.task
def whose():
    import celery
    return celery.Celery.__name__
"""


@pytest.fixture
def proj(project: Project) -> Project:
    project.write("proj.py", PROJ)
    return project


def reported(project: Project, *options: str) -> str:
    done = project.umbel(*options, "-A", "proj", "report")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_worker_tells_the_defaults_that_differ(proj: Project, working):
    worker = working("proj")
    output = worker.output()
    for name, one in DIFFERENT_DEFAULTS.items():
        assert f"  default  {name} " in output
        assert one.why in output
    assert "umbel --celery-defaults undoes these" in output
    assert worker.stop() == 0


def test_what_the_project_writes_is_not_told(proj: Project, working):
    proj.write("proj.py", PROJ + "\napp.conf.task_acks_late = False\n")
    output = working("proj").output()
    assert "default  task_acks_late" not in output
    assert "default  broker_heartbeat 4 (Celery: 120): " in output


def test_celery_defaults_undoes_them(proj: Project):
    worker = proj.processes.start(
        UMBEL,
        "--as-celery",
        "--celery-defaults",
        "-A",
        "proj",
        "-b",
        "sqlite:///a.db",
        "worker",
        "-c",
        "1",
        "-l",
        "INFO",
    )
    output = worker.until_output("ready.", timeout=30)
    assert "  defaults Celery's own" in output
    assert "results  none" in output
    assert "default  task_acks_late" not in output
    plain, celery = reported(proj, "--as-celery"), reported(proj, "--as-celery", "--celery-defaults")
    assert "worker_prefetch_multiplier" not in plain
    assert "worker_prefetch_multiplier: 4" in celery
    assert "task_acks_late: False" in celery


def test_running_tasks_have_all_the_time_they_need_after_sigterm(proj: Project, working):
    worker = working("proj")
    worker.send(signal.SIGTERM)
    worker.until_output("Warm shutdown: finishing 1 child(ren), without limit")
    assert worker.wait() == 0


def test_spawned_children_have_it_too(proj: Project, working, program):
    worker = working("proj", "--pool-start-method", "spawn")
    assert program("-c", "import proj; print(proj.whose.delay().get(timeout=30))") == "Umbel\n"
    assert worker.stop() == 0


def test_python_dash_m_celery_is_the_command(proj: Project):
    environment = {"PYTHONPATH": f"{PATH}:{proj.folder}"}
    worker = proj.processes.python(
        "-m", "celery", "-A", "proj", "worker", "-c", "1", "-E", "--loglevel=info", "--without-gossip", env=environment
    )
    output = worker.until_output("ready.", timeout=30)
    assert "default  task_acks_late" in output
    sent = proj.processes.run("-m", "celery", "-A", "proj", "call", "proj.add", "-a", "[2, 3]", env=environment)
    got = proj.processes.run("-m", "celery", "-A", "proj", "result", sent.stdout.strip(), env=environment)
    assert got.stdout == "5\n", got.stderr


def test_the_installed_command_celery_is_umbel_s(proj: Project):
    """Its script says no more than this; pip wrote it when Celery was installed."""
    proj.write("script.py", "import sys\nfrom celery.__main__ import main\nsys.exit(main())\n")
    done = proj.processes.run("script.py", "-A", "proj", "report", env={"PYTHONPATH": f"{PATH}:{proj.folder}"})
    assert done.stdout.startswith("umbel app:proj "), done.stderr


def test_without_it_an_app_of_celery_s_is_refused_with_the_way_out(project: Project):
    project.write("celery/__init__.py", "class Celery: ...\nCelery.__module__ = 'celery.app.base'\n")
    project.write("proj.py", "from celery import Celery\napp = Celery()\n")
    done = project.umbel("-A", "proj", "report")
    assert done.returncode == 64
    assert "or start it with umbel --as-celery" in done.stderr
