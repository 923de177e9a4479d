"""`install_as_celery`: what is imported afterwards, what is missing, what else answers, and who inherits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Project
from umbel.integrations.celery import PATH
from umbel.integrations.celery.finder import Absent

INSTALLED = "import umbel; umbel.install_as_celery()\n"


def answered(project: Project, code: str) -> list[str]:
    done = project.python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_celery_s_names_are_umbel_s(project: Project):
    code = INSTALLED + (
        "import celery, celery.app.task, kombu.common, billiard.exceptions, umbel.routing, umbel.exceptions\n"
        "from celery import Celery, shared_task, chain\n"
        "from celery.result import AsyncResult\n"
        "from celery.exceptions import SoftTimeLimitExceeded\n"
        "from celery.utils.log import get_task_logger\n"
        "from kombu import Queue\n"
        "print(Celery is umbel.Umbel, shared_task is umbel.shared_task, chain is umbel.chain)\n"
        "print(AsyncResult is umbel.AsyncResult, celery.app.task.Task is umbel.Task, Queue is umbel.routing.Queue)\n"
        "print(SoftTimeLimitExceeded is umbel.exceptions.SoftTimeLimitExceeded)\n"
        "print(billiard.exceptions.SoftTimeLimitExceeded is SoftTimeLimitExceeded)\n"
        "print('app:here' in celery.bugreport(Celery('here', broker='memory://')))\n"
        "print(celery.signals.worker_ready is umbel.signals.worker_ready, celery.states.SUCCESS)\n"
    )
    assert answered(project, code) == ["True True True", "True True True", "True", "True", "True", "True SUCCESS"]


def test_star_imports_and_listings_have_the_names(project: Project):
    code = INSTALLED + "from celery import *\nimport celery\nprint(Celery.__name__, 'chord' in dir(celery))\n"
    assert answered(project, code) == ["Umbel True"]


@pytest.mark.parametrize(
    ("statement", "error", "name"),
    [
        ("from celery.result import ResultBase", "ModuleNotFoundError", "celery.result.ResultBase"),
        ("from celery import backport", "ModuleNotFoundError", "celery.backport"),
        ("import celery.worker.pidbox", "ModuleNotFoundError", "celery.worker.pidbox"),
        ("from celery.backends.redis import RedisBackend", "ModuleNotFoundError", "celery.backends.redis"),
        ("import kombu; kombu.Connection", "AttributeError", "kombu.Connection"),
        ("import celery; celery.current_worker", "AttributeError", "celery.current_worker"),
    ],
)
def test_what_umbel_does_not_have_is_named_in_one_sentence(project: Project, statement: str, error: str, name: str):
    done = project.python(INSTALLED + statement)
    assert done.returncode == 1
    sentence = f"{error}: umbel stands for Celery here, and has no {name};"
    assert done.stderr.splitlines()[-1].startswith(sentence)


def test_asking_for_a_name_that_may_be_missing_is_no_error(project: Project):
    code = INSTALLED + "import celery\nprint(hasattr(celery, 'nothing'), getattr(celery.states, 'nothing', 5))\n"
    assert answered(project, code) == ["False 5"]


def test_what_tracers_replace_is_replaced_in_umbel(project: Project):
    code = INSTALLED + (
        "import celery.app.trace, umbel.task.tracing as tracing\n"
        "celery.app.trace.build_tracer = len\ncelery.app.trace.other = 1\n"
        "print(tracing.build_tracer is len, celery.app.trace.build_tracer is len, hasattr(tracing, 'other'))\n"
    )
    assert answered(project, code) == ["True True False"]


def test_versions(project: Project):
    code = INSTALLED + (
        "import celery, kombu, billiard\nfrom importlib.metadata import version, distribution\n"
        "print(celery.__version__, celery.VERSION.major, version('celery'), version('Kombu'), billiard.VERSION[0])\n"
        "print(distribution('celery').metadata['Name'], version('umbel') == umbel.__version__)\n"
    )
    assert answered(project, code) == ["5.7.0 5 5.7.0 5.7.0 4", "celery True"]


def test_without_asking_an_installed_celery_is_itself(project: Project):
    """Another package of that name stands for it, which needs nothing installed."""
    project.write("celery/__init__.py", "here = 'its own'")
    assert answered(project, "import umbel, celery; print(celery.here)") == ["its own"]
    assert answered(project, INSTALLED + "import celery; print(hasattr(celery, 'here'))") == ["False"]


def test_a_celery_that_is_imported_already_is_a_clear_error(project: Project):
    project.write("kombu/__init__.py", "")
    done = project.python("import kombu\n" + INSTALLED)
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("umbel.exceptions.ImproperlyConfigured: kombu is imported already (from ")
    assert "umbel.install_as_celery() before the first import of celery" in sentence


def test_installing_twice_is_installing_once(project: Project):
    code = INSTALLED * 2 + (
        "import sys, os\nfrom umbel.integrations.celery.finder import Finder\n"
        f"print(sum(isinstance(one, Finder) for one in sys.meta_path), sys.path.count({PATH!r}))\n"
        f"print(os.environ['PYTHONPATH'].split(os.pathsep).count({PATH!r}))\n"
    )
    assert answered(project, code) == ["1 1", "1"]


def test_a_fresh_interpreter_inherits_it(project: Project):
    child = "import kombu.exceptions, celery; print(celery.Celery.__name__, kombu.__version__)"
    code = INSTALLED + f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
    assert answered(project, code) == ["Umbel 5.7.0"]


def test_an_interpreter_without_umbel_has_its_own_celery(project: Project):
    """``-S`` leaves out what is installed, umbel too."""
    project.write("celery/__init__.py", "here = 'its own'")
    project.write("celery/deep.py", "from . import here")
    environment = {"PYTHONPATH": f"{PATH}:{project.folder}"}
    done = project.processes.run("-S", "-c", "import celery.deep; print(celery.deep.here)", env=environment)
    assert done.stdout == "its own\n", done.stderr
    done = project.processes.run("-S", "-c", "import kombu", env=environment)
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'kombu'"


def test_libraries_below_are_left_to_whoever_has_them(project: Project):
    with pytest.raises(ModuleNotFoundError, match="umbel stands for Celery here, and has no vine;"):
        Absent().find_spec("vine")
    assert Absent().find_spec("vineyard") is None
    project.write("amqp.py", "here = 'its own'")
    assert answered(project, INSTALLED + "import amqp; print(amqp.here)") == ["its own"]


def test_celery_s_defaults_may_be_asked_for(project: Project):
    code = (
        "import umbel; umbel.install_as_celery(celery_defaults=True)\nfrom celery import Celery\n"
        "app = Celery('proj')\nprint(app.conf.task_acks_late, app.conf.is_explicit('task_acks_late'), app.result_url)\n"
    )
    assert answered(project, code) == ["False True None"]


def test_a_spawned_child_inherits_it(project: Project):
    project.write("work.py", "import celery\ndef kind(_): return celery.Celery.__name__\n")
    project.write(
        "main.py",
        """
        import multiprocessing
        if __name__ == "__main__":
            import umbel
            umbel.install_as_celery()
            import work
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work.kind, [1]))
        """,
    )
    done = project.processes.run("main.py")
    assert done.stdout == "['Umbel']\n", done.stderr


def test_exceptions_that_were_pickled_by_celery_s_names_come_back(project: Project):
    code = INSTALLED + (
        "import pickle\n"
        "text = b'\\x80\\x04c' + b'celery.exceptions\\nMaxRetriesExceededError\\n' + b'.'\n"
        "print(pickle.loads(text) is umbel.MaxRetriesExceededError)\n"
    )
    assert answered(project, code) == ["True"]


def test_the_directory_for_pythonpath_is_printed(project: Project):
    done = project.processes.run("-m", "umbel.integrations.celery")
    assert done.stdout.strip() == PATH
    assert sorted(entry.parent.name for entry in Path(PATH).glob("*/__init__.py")) == ["billiard", "celery", "kombu"]


def test_it_loads_no_app(project: Project):
    """A web process that only has it at its top pays for what it uses."""
    loaded = answered(project, INSTALLED + "import sys, celery; print(sorted(sys.modules))")[0]
    assert [name for name in ("umbel.app", "umbel.worker", "click", "asyncio") if f"'{name}'" in loaded] == []


def test_a_program_without_an_app_has_the_settings_of_celeryconfig(project: Project):
    project.write("celeryconfig.py", "task_default_queue = 'from_the_module'")
    code = INSTALLED + (
        "from celery import current_app, Celery\nfrom celery.result import AsyncResult\n"
        "print(AsyncResult('1').app.main, current_app.conf.task_default_queue)\n"
        "app = Celery('own')\nprint(current_app.main, AsyncResult('1').app is app)\n"
    )
    assert answered(project, code) == ["default from_the_module", "own True"]
