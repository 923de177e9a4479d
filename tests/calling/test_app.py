"""The app: settings from many places, and which stores it uses."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

from umbel import Umbel
from umbel.exceptions import ImproperlyConfigured


def test_settings_from_the_constructor():
    app = Umbel("x", broker="memory://a", backend="memory://b", include=["proj.tasks"], task_time_limit=5)
    assert (app.conf.broker_url, app.conf.result_backend) == ("memory://a", "memory://b")
    assert (tuple(app.conf.include), app.conf.task_time_limit) == (("proj.tasks",), 5)
    assert app.conf.is_explicit("task_time_limit")


def test_a_setting_with_a_wrong_name():
    with pytest.raises(ImproperlyConfigured, match="task_time_limit"):
        Umbel("x", task_time_limitt=5)


def test_constructor_wins_over_a_configuration():
    app = Umbel("x", broker="memory://mine", set_as_current=False)
    app.config_from_object({"CELERY_BROKER_URL": "memory://theirs", "CELERY_TASK_TIME_LIMIT": 7}, namespace="CELERY")
    assert (app.broker_url, app.conf.task_time_limit) == ("memory://mine", 7)


def test_configuration_in_the_constructor():
    app = Umbel("x", config_source={"CELERY_TASK_TIME_LIMIT": 7}, namespace="CELERY", set_as_current=False)
    assert app.conf.task_time_limit == 7


def test_without_a_broker_it_is_a_file_of_its_own(isolated):
    one, two = Umbel("one", set_as_current=False), Umbel("two", set_as_current=False)
    assert one.broker_url.startswith("sqlite:///")
    assert one.broker_url != two.broker_url
    assert one.broker_url == Umbel("one", set_as_current=False).broker_url
    assert one.result_url == one.broker_url


@pytest.mark.parametrize(
    ("broker", "backend", "results"),
    [
        ("memory://a", None, "memory://a"),
        ("sqlite:///a.db", None, "sqlite:///a.db"),
        ("redis://localhost", None, None),
        ("redis://localhost", "memory://r", "memory://r"),
        ("memory://a", "disabled", None),
    ],
)
def test_where_results_are_kept(broker, backend, results):
    assert Umbel("x", broker=broker, backend=backend, set_as_current=False).result_url == results


def test_the_store_settles_results_only_when_it_is_theirs():
    same = Umbel("x", broker="memory://a", set_as_current=False)
    other = Umbel("x", broker="memory://a", backend="memory://b", set_as_current=False)
    assert same.settles_results
    assert not other.settles_results


def test_environment_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UMBEL_BROKER_URL", "memory://environment")
    assert Umbel("x", broker="memory://mine", set_as_current=False).broker_url == "memory://environment"


def test_passwords_are_not_shown():
    app = Umbel("x", broker="redis://ann:hunter2@localhost/0", set_as_current=False)
    assert "hunter2" not in app.shown_broker_url + app.report() + repr(app)
    assert "localhost" in app.report()


def test_a_subclass_prepares_itself():
    class Own(Umbel):
        def on_init(self):
            self.prepared = self.main

    assert Own("x", set_as_current=False).prepared == "x"


def test_tasks_and_their_class_in_the_constructor():
    from umbel import Task

    class Base(Task):
        flavour = "sweet"

    class Work(Base):
        name = "work"

        def run(self):
            return self.flavour

    app = Umbel("x", task_cls=Base, tasks=[Work()], set_as_current=False)
    assert app.tasks["work"]() == "sweet"
    assert app.task(name="other")(lambda: None).flavour == "sweet"


def test_an_app_that_nobody_holds_is_gone():
    app = Umbel("x", broker="memory://gone", set_as_current=False)
    app.task(name="t")(lambda: None).delay()
    app.close()
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_importing_umbel_loads_neither_asyncio_nor_click(processes):
    code = "import sys, umbel; print(sorted({'asyncio', 'click', 'apsw', 'rich'} & set(sys.modules)))"
    assert processes.run("-c", code).stdout.strip() == "[]"


def test_creating_an_app_and_sending_loads_no_asyncio(processes):
    code = (
        "import sys\nfrom umbel import Umbel\napp = Umbel('x', broker='memory://')\n"
        "app.task(name='t')(lambda: None).delay()\nprint('asyncio' in sys.modules)"
    )
    assert processes.run("-c", code).stdout.strip() == "False"


def test_every_export_is_there():
    import umbel

    assert {name: getattr(umbel, name) is None for name in umbel.__all__} == dict.fromkeys(umbel.__all__, False)
    assert dir(umbel) == sorted(umbel.__all__)
    assert sys.modules["umbel.signals"] is umbel.signals
    with pytest.raises(AttributeError, match="nope"):
        _ = umbel.nope
