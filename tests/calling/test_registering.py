"""How functions become tasks, under which names, and who keeps a name that two want."""

from __future__ import annotations

import pickle
import warnings

import pytest

from umbel import Task, Umbel, current_app, shared_task
from umbel.app import tasks as app_tasks
from umbel.exceptions import DuplicateTaskNameWarning, NotRegistered


@pytest.fixture
def no_shared_tasks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_tasks.shared, "entries", [])


def make(module: str, name: str = "work"):
    def work():
        return module

    work.__module__, work.__name__ = module, name
    return work


def test_name_is_module_and_function(app: Umbel):
    assert app.task(make("proj.tasks")).name == "proj.tasks.work"


def test_in_a_script_the_app_gives_the_name(app: Umbel):
    assert app.task(make("__main__")).name == "capapp.work"


def test_a_name_can_be_given_or_made_otherwise():
    class Own(Umbel):
        def gen_task_name(self, name, module):
            return f"own.{name}"

    app = Own("x", broker="memory://own", set_as_current=False)
    assert app.task(make("proj")).name == "own.work"
    assert app.task(name="given")(make("proj")).name == "given"


def test_the_first_of_two_functions_keeps_the_name(app: Umbel):
    first = app.task(name="taken")(make("a"))

    def other():
        return "other"

    with pytest.warns(DuplicateTaskNameWarning, match="taken"):
        second = app.task(name="taken")(other)
    assert second is first
    assert first() == "a"


def test_the_same_function_again_is_no_duplicate(app: Umbel):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert app.task(make("a")) is app.task(make("a"))


def test_the_last_registered_instance_keeps_the_name(app: Umbel):
    class First(Task):
        name = "taken"

        def run(self):
            return 1

    class Second(Task):
        name = "taken"

        def run(self):
            return 2

    app.register_task(First())
    app.register_task(Second)
    assert app.tasks["taken"]() == 2


def test_an_instance_without_a_name_gets_that_of_its_class(app: Umbel):
    class Import(Task):
        def run(self, path):
            return path

    task = app.register_task(Import())
    assert task.name == f"{__name__}.Import"
    assert task.shape.names == ("path",)
    assert task.delay("x").id


def test_a_missing_name(app: Umbel):
    with pytest.raises(NotRegistered):
        app.tasks["nope"]
    assert app.tasks.get("nope") is None
    with pytest.raises(NotRegistered):
        app.tasks.unregister("nope")


def test_options_become_attributes_of_this_task_alone(app: Umbel):
    one = app.task(max_retries=9, anything=5)(make("a", "one"))
    two = app.task(make("a", "two"))
    assert (one.max_retries, one.anything, two.max_retries) == (9, 5, 3)
    assert not hasattr(two, "anything")


def test_a_base_class_brings_hooks_and_options(app: Umbel):
    seen = []

    class Noisy(Task):
        acks_late = False
        serializer = None

        def on_success(self, retval, task_id, args, kwargs):
            seen.append(retval)

    task = app.task(base=Noisy)(make("a"))
    assert isinstance(task, Noisy)
    assert task.apply().get() == "a"
    assert seen == ["a"]
    assert (task.acks_late, task.serializer) == (False, "json")
    assert task.overrides("on_success")
    assert not task.overrides("on_failure")


def test_explicit_options_can_be_told_from_defaults(app: Umbel):
    plain, early = app.task(make("a", "one")), app.task(acks_late=False)(make("a", "two"))
    assert (plain.acks_late, plain.is_explicit("acks_late")) == (True, False)
    assert (early.acks_late, early.is_explicit("acks_late")) == (False, True)
    app.conf.task_acks_late = False
    assert (plain.acks_late, plain.is_explicit("acks_late")) == (False, True)


def test_annotations_of_the_settings(app: Umbel):
    task, other = app.task(name="a.b")(make("a")), app.task(name="a.c")(make("a", "other"))
    wrapped = {"@on_failure": lambda hook: (hook.__name__, "wrapped")}
    app.conf.task_annotations = {"*": {"max_retries": 7}, "a.b": {"time_limit": 5, **wrapped}}
    assert app.tasks["a.b"].max_retries == other.max_retries == 7
    assert (task.time_limit, other.time_limit) == (5, None)
    assert task.on_failure == ("on_failure", "wrapped")


def test_a_shared_task_belongs_to_every_app(no_shared_tasks):
    task = shared_task(name="lib.clean")(make("lib"))
    first = Umbel("first", broker="memory://shared-1")
    assert "lib.clean" in first.tasks
    second = Umbel("second", broker="memory://shared-2")
    assert task.app is second
    first.set_current()
    assert task.app is first
    assert task.name == "lib.clean"
    assert task() == "lib"
    late = shared_task(make("lib", "late"))
    assert "lib.late" in first.tasks
    assert task.delay().id != late.delay().id


def test_a_decorator_without_a_function(app: Umbel):
    with pytest.raises(TypeError, match="by name"):
        app.task("name")


def test_the_function_is_still_there(app: Umbel):
    function = make("a")
    function.__doc__ = "Works."
    task = app.task(function)
    assert task.__wrapped__ is function
    assert (task.__doc__, task.__module__, task.__name__) == ("Works.", "a", "work")


def test_a_task_is_pickled_by_name(app: Umbel):
    task = app.task(make("a"))
    assert pickle.loads(pickle.dumps(task)) is task


def test_current_app_is_of_the_thread_and_falls_back():
    assert current_app.main == "default"
    app = Umbel("mine", broker="memory://mine")
    assert current_app.main == "mine"
    assert current_app == app
    assert repr(current_app) == repr(app)


def test_autodiscovery_imports_the_tasks_of_packages(app: Umbel, tmp_path, monkeypatch: pytest.MonkeyPatch):
    for package, module in (("found_a", "tasks"), ("found_b", "jobs")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / f"{module}.py").write_text(
            "from umbel import shared_task\n@shared_task\ndef work(): pass\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    app.autodiscover_tasks(lambda: ["found_a", "found_b"])
    assert "found_a.tasks.work" not in app.tasks
    app.import_modules()
    assert "found_a.tasks.work" in app.tasks
    assert "found_b.jobs.work" not in app.tasks
    app.autodiscover_tasks(["found_b"], related_name="jobs", force=True)
    assert "found_b.jobs.work" in app.tasks


def test_include_is_imported(app: Umbel, tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "included_tasks.py").write_text("from umbel import shared_task\n@shared_task\ndef work(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    app.conf.include = ["included_tasks"]
    app.import_modules()
    assert "included_tasks.work" in app.tasks


def test_a_class_is_told_when_a_task_of_it_belongs_to_an_app(app: Umbel):
    bound = []

    class Told(Task):
        @classmethod
        def on_bound(cls, app):
            bound.append((cls.__name__, app))

        def run(self):
            return 1

    app.task(lambda: None, name="t.one", base=Told)
    app.register_task(Told())
    assert bound == [("<lambda>", app), ("Told", app)]


def test_a_request_can_be_made_for_a_function_that_looks_at_it(app: Umbel):
    @app.task(bind=True, name="t.look")
    def look(self):
        return self.request.id, self.request.retries, self.request.delivery_info

    look.push_request(id="outer", retries=1)
    look.push_request({"id": "inner"}, delivery_info={"routing_key": "q"})
    assert look.run() == ("inner", 0, {"routing_key": "q"})
    assert look.pop_request().id == "inner"
    assert look.run() == ("outer", 1, None)
    assert look.pop_request().retries == 1
    with pytest.raises(IndexError, match=r"not one of t\.look; push_request makes it so"):
        look.pop_request()
