"""The settings of an app: when they are read, who hears of it, and all the ways to give them."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from zoneinfo import ZoneInfo

import pytest

from umbel import Umbel
from umbel.exceptions import ImproperlyConfigured


@pytest.fixture
def make():
    """Makes apps that are not the current one."""
    made = []

    def app(**settings):
        settings = {"broker": "memory://configured", **settings}
        made.append(Umbel("configured", set_as_current=False, **settings))
        return made[-1]

    yield app
    for one in made:
        one.close()


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Writes a settings module that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write(name, text):
        names.append(name)
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()

    yield write
    for name in names:
        sys.modules.pop(name, None)


def test_it_is_read_once_when_the_first_setting_is_asked_for(make, module):
    said = []
    module("settings_of_a_test", "task_time_limit = 9")
    app = make()
    app.config_from_object("settings_of_a_test")

    def read():
        return "settings_of_a_test" in sys.modules

    app.on_configure.connect(lambda sender, **_: said.append(("configure", sender, read())), weak=False)
    app.on_after_configure.connect(
        lambda sender, source, **_: said.append(("after", sender, source.task_time_limit)), weak=False
    )
    app.conf.update(task_track_started=True)
    app.conf.worker_pool = "solo"
    assert app.conf.setdefault("worker_concurrency", 7) == 7
    assert "task_time_limit" in app.conf
    app.task(lambda: None, name="one")
    assert (read(), said) == (False, [])
    assert [app.conf.task_time_limit for _ in range(3)] == [9, 9, 9]
    assert said == [("configure", app, False), ("after", app, 9)]
    assert (app.conf.worker_concurrency, app.conf.worker_pool) == (7, "solo")


def test_a_wrong_configuration_is_told_until_it_is_right_and_then_announced(make):
    app, said = make(), []
    app.on_after_configure.connect(lambda **_: said.append(1), weak=False)
    app.config_from_object({"task_time_limt": 1})
    for _ in range(2):
        with pytest.raises(ImproperlyConfigured, match="task_time_limit"):
            app.conf.get("task_serializer")
    app.config_from_object({"task_time_limit": 1})
    assert said == []
    assert (app.conf.task_time_limit, said) == (1, [1])


def test_a_configuration_that_is_put_right_where_it_is_is_announced(make):
    app, said, source = make(), [], {"task_time_limit": "x"}
    app.on_after_configure.connect(lambda **_: said.append(1), weak=False)
    app.config_from_object(source)
    with pytest.raises(ImproperlyConfigured):
        app.conf.get("task_serializer")
    source["task_time_limit"] = 1
    assert (app.conf.task_time_limit, said) == (1, [1])


def test_another_configuration_is_announced_again(make):
    app, said = make(), []
    app.on_after_configure.connect(lambda source, **_: said.append(source.task_time_limit), weak=False)
    app.config_from_object({"task_time_limit": 1}, force=True)
    app.config_from_object({"task_time_limit": 2}, force=True)
    assert said == [1, 2]


def test_a_subclass_may_have_a_method_in_the_place_of_the_signal():
    class Mine(Umbel):
        def on_configure(self):
            self.conf.task_time_limit = 4

    with Mine("mine", broker="memory://configured", set_as_current=False) as app:
        app.config_from_object({"task_soft_time_limit": 3})
        assert (app.conf.task_soft_time_limit, app.conf.task_time_limit) == (3, 4)


def test_defaults_of_a_library(make):
    app, asked = make(), []
    app.add_defaults({"task_time_limit": 5, "task_soft_time_limit": 4})
    app.add_defaults(lambda: asked.append(1) or {"worker_pool": "solo"})
    app.config_from_object({"task_time_limit": 6})
    assert asked == []
    assert (app.conf.task_time_limit, app.conf.task_soft_time_limit, app.conf.worker_pool) == (6, 4, "solo")
    app.add_defaults({"worker_pool": "threads"})
    assert (app.conf.worker_pool, asked) == ("threads", [1])


def test_the_environment_names_the_module(make, module, monkeypatch):
    module("settings_of_the_environment", "task_time_limit = 8")
    app = make()
    monkeypatch.delenv("PROJ_SETTINGS", raising=False)
    with pytest.raises(ImproperlyConfigured, match="variable PROJ_SETTINGS is not set"):
        app.config_from_envvar("PROJ_SETTINGS")
    assert app.config_from_envvar("PROJ_SETTINGS", silent=True) is False
    monkeypatch.setenv("PROJ_SETTINGS", "settings_of_the_environment")
    assert app.config_from_envvar("PROJ_SETTINGS") is True
    assert app.conf.task_time_limit == 8
    monkeypatch.setenv("PROJ_SETTINGS", "no_such_settings")
    with pytest.raises(ImproperlyConfigured, match="no module 'no_such_settings'"):
        app.config_from_envvar("PROJ_SETTINGS", force=True)
    app.config_from_envvar("PROJ_SETTINGS", silent=True, force=True)
    assert app.conf.task_time_limit is None


def test_the_words_of_a_command_line_win_over_the_configuration(make):
    app = make()
    app.config_from_object({"worker_concurrency": 1, "task_time_limit": 3})
    app.config_from_cmdline([".concurrency=2", "task.default_queue=mail"], "worker")
    assert (app.conf.worker_concurrency, app.conf.task_time_limit) == (2, 3)
    assert app.conf.task_default_queue == "mail"


def test_periodic_tasks_are_entries_of_the_schedule(make):
    app = make()
    app.config_from_object({"beat_schedule": {"mine": {"task": "t", "schedule": 5}}})

    @app.task(name="add")
    def add(x, y):
        return x + y

    assert app.add_periodic_task(1.0, add.s(1), (2,), name="early", queue="slow") == "early"

    @app.on_after_configure.connect
    def more(sender, **kwargs):
        sender.add_periodic_task(dt.timedelta(seconds=3), add, (1, 2), {"z": 3})
        sender.add_periodic_task(2.0, add.s(1, y=2).set(priority=3), name="later")

    assert not app.conf.is_read
    found = app.conf.beat_schedule
    assert found["mine"] == {"task": "t", "schedule": 5}
    assert found["early"] == {
        "task": "add", "schedule": 1.0, "args": (2, 1), "kwargs": {}, "options": {"queue": "slow"}
    }  # fmt: skip
    assert found["later"]["options"] == {"priority": 3}
    assert found["add(1, 2, z=3)"]["kwargs"] == {"z": 3}
    assert len(found) == 4


def test_two_entries_of_one_name_are_told_unless_it_was_given(make, caplog):
    app = make()
    task = app.task(lambda: None, name="tick")
    for _ in range(2):
        app.add_periodic_task(1.0, task.s(), name="named")
    assert app.conf.beat_schedule["named"]["schedule"] == 1.0
    assert caplog.records == []
    for seconds in (1.0, 2.0):
        key = app.add_periodic_task(seconds, task.s())
    assert app.conf.beat_schedule[key]["schedule"] == 2.0
    [record] = caplog.records
    assert "give add_periodic_task a name" in record.getMessage()


def test_all_tasks_are_known_when_the_app_is_finalized(make):
    app, known = make(), []
    app.on_after_finalize.connect(lambda sender, **_: known.extend(sender.tasks), weak=False)
    app.task(lambda: None, name="mine")
    app.finalize()
    app.finalize()
    assert known.count("mine") == 1
    assert "celery.map" in known


def test_small_questions(make):
    app = make(timezone="Europe/Berlin", task_default_queue="mail")
    assert app.timezone == ZoneInfo("Europe/Berlin")
    assert make().timezone == dt.UTC
    assert make(enable_utc=False).timezone.utcoffset(None) is not None
    assert [app.either("task_default_queue", *given) for given in ((), (None, "a"), (None,), (0, 1))] == [
        "mail", "a", "mail", 0,
    ]  # fmt: skip


def test_without_an_app_celeryconfig_is_read(project):
    project.write("celeryconfig.py", "broker_url = 'memory://'\ntask_time_limit = 3\n")
    project.write("other.py", "task_time_limit = 4\n")
    code = "from umbel import current_app; print(current_app.main, current_app.conf.task_time_limit)"
    assert project.python(code).stdout == "default 3\n"
    for name, said in (("other", "default 4\n"), ("", "default 3\n"), ("absent", "")):
        project.processes.env["CELERY_CONFIG_MODULE"] = name
        done = project.python(code)
        assert done.stdout == said
    assert "There is no module 'absent'" in done.stderr
