from __future__ import annotations

import importlib.metadata
import os
import sys
import tomllib
import traceback
from pathlib import Path

import pytest

from umbel import loading
from umbel.exceptions import ImproperlyConfigured, MissingExtra


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes modules into a folder that is the current directory and, for the test only, on the import path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write(**modules: str) -> None:
        for name, text in modules.items():
            path = tmp_path / f"{name.replace('__', '/')}.py".replace("PACKAGE", "__init__")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


# An application is recognized by its class's name and package: the class itself lives in a higher room.
APP = "class Umbel:\n    __module__ = 'umbel.app'\n    def __init__(self, name): self.name = name\n"
OTHER = "class Celery:\n    __module__ = 'celery.app.base'\n"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("one:second", "second"),
        ("one", "app"),
        ("two", "celery"),
        ("three", "odd"),
        ("pack", "in umbel.py"),
        ("other", "in celery.py"),
        ("other.celery", "in celery.py"),
        ("own", "in __init__"),
        ("one.second", "second"),
        ("sub", "of a subclass"),
    ],
)
def test_where_the_application_is_looked_for(project, path, name):
    project(
        kinds=APP,
        one="from kinds import Umbel\nsecond = Umbel('second')\napp = Umbel('app')\ncelery = Umbel('celery')",
        two="from kinds import Umbel\nfirst = Umbel('first')\ncelery = Umbel('celery')\napp = 5",
        three="import kinds\nodd = kinds.Umbel('odd')",
        pack__umbel="from kinds import Umbel\nwork = Umbel('in umbel.py')",
        pack__celery="from kinds import Umbel\napp = Umbel('in celery.py')",
        pack__PACKAGE="",
        other__celery="from kinds import Umbel\napp = Umbel('in celery.py')",
        other__PACKAGE="",
        own__PACKAGE="from kinds import Umbel\napp = Umbel('in __init__')",
        own__celery="raise RuntimeError('not asked for')",
        sub="from kinds import Umbel\nclass Mine(Umbel): pass\nMine.__module__ = 'sub'\napp = Mine('of a subclass')",
    )
    assert loading.load_app(path).name == name


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nothing", "There is no module 'nothing' \\(looked in .*\\)"),
        ("nothing:app", "There is no module 'nothing'"),
        ("empty.nothing", "'empty' has no module or attribute 'nothing'"),
        ("pack.nothing.deep", "There is no module 'pack.nothing'"),
        ("empty", "'empty' has no application; name it: -A empty:attribute"),
        ("empty:missing", "'empty' has no attribute 'missing'"),
        ("empty:number", "'empty:number' is no application but an object of type 'int'"),
        ("empty.py", "'empty.py' is a file; name its module: -A empty"),
        ("./pack/mod.py", "is a file; name its module: -A pack.mod"),
        ("a b", "'a b' is no module name"),
        ("", "'' is no module name"),
        (":app", "'' is no module name"),
        ("foreign", "is an application of Celery: write from umbel import Umbel as Celery"),
        ("foreign:app", "is an application of Celery"),
        ("fails", "Importing 'fails' failed: ZeroDivisionError: division by zero"),
        ("needs", "Importing 'needs' failed: No module named 'not_installed_here'"),
        ("syntax", "Importing 'syntax' failed: SyntaxError"),
        ("pack2", "Importing 'pack2.umbel' failed: ZeroDivisionError"),
    ],
)
def test_what_is_wrong_is_one_sentence(project, path, sentence):
    project(
        empty="number = 5", foreign=OTHER + "app = Celery()", fails="1 / 0", needs="import not_installed_here",
        syntax="def (", pack__PACKAGE="", pack2__PACKAGE="", pack2__umbel="1 / 0",
    )  # fmt: skip
    with pytest.raises(ImproperlyConfigured, match=sentence) as caught:
        loading.load_app(path)
    assert "\n" not in str(caught.value).strip() or path == "syntax"


def test_an_error_inside_the_module_keeps_its_traceback(project):
    project(fails="def inner():\n    return 1 / 0\n\ninner()")
    with pytest.raises(ImproperlyConfigured) as caught:
        loading.load_app("fails")
    cause = caught.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    assert "inner" in [frame.name for frame in traceback.extract_tb(cause.__traceback__)]


def test_the_current_directory_is_looked_at(project):
    project(kinds=APP, here="from kinds import Umbel\napp = Umbel('here')")
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(Path.cwd()))]
    assert loading.load_app("here").name == "here"


def test_symbols():
    assert loading.symbol("os.path:join") is os.path.join
    assert loading.symbol("os.path.join") is os.path.join
    assert loading.symbol("os.path") is os.path
    assert loading.symbol("os:path.join") is os.path.join
    assert loading.symbol("umbel.exceptions.Retry").__name__ == "Retry"
    assert loading.symbol("importlib.metadata") is importlib.metadata


@pytest.fixture
def offers(monkeypatch):
    """What is installed, for a test: group -> name -> object reference."""
    table: dict[str, dict[str, str]] = {}

    def entry_points(*, group):
        return [importlib.metadata.EntryPoint(name, value, group) for name, value in table.get(group, {}).items()]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    loading._offered.cache_clear()
    yield table
    loading._offered.cache_clear()


@pytest.fixture
def extras(monkeypatch):
    """The extras that the release has, for a test."""
    declared: list[str] = []
    monkeypatch.setattr(loading, "_declared", lambda: declared)
    return declared


def test_a_store_is_found_by_its_scheme(offers, project):
    project(rooms="def open_it(url, options): return 'opened', url, options\ndef pool(): pass")
    sys.path.insert(0, str(Path.cwd()))
    offers["umbel.brokers"] = offers["umbel.backends"] = {"mine": "rooms:open_it"}
    offers["umbel.pools"] = {"swarm": "rooms:pool"}
    assert loading.open_broker("MINE://host", {"a": 1}) == ("opened", "MINE://host", {"a": 1})
    assert loading.open_backend("mine://host", {}) == ("opened", "mine://host", {})
    assert loading.pool_factory("swarm").__name__ == "pool"


def test_a_family_of_schemes_has_one_entry_point(offers, project, extras):
    project(rooms="def any_of_them(url, options): return url\ndef one(url, options): return 'one'")
    sys.path.insert(0, str(Path.cwd()))
    offers["umbel.backends"] = {"db+": "rooms:any_of_them", "db+special": "rooms:one"}
    assert loading.open_backend("db+postgresql+psycopg://host", {}) == "db+postgresql+psycopg://host"
    assert loading.open_backend("db+special://host", {}) == "one"
    with pytest.raises(ImproperlyConfigured, match="Nobody offers a result backend called 'db'"):
        loading.open_backend("db://host", {})
    extras.append("database")
    offers.clear()
    loading._offered.cache_clear()
    with pytest.raises(MissingExtra, match=r'type: pip install "umbel\[database\]"'):
        loading.open_backend("db+sqlite://", {})


def test_a_scheme_that_nobody_offers_names_those_that_are_there(offers):
    offers["umbel.brokers"] = {"sqlite": "x:y", "memory": "x:y"}
    with pytest.raises(ImproperlyConfigured, match="Nobody offers a broker called 'zz'; installed are: memory, sqlite"):
        loading.open_broker("zz://", {})
    with pytest.raises(ImproperlyConfigured, match="Nobody offers a pool called 'redis'; installed are: none"):
        loading.pool_factory("redis")


@pytest.mark.parametrize(
    ("scheme", "extra"),
    [("redis", "redis"), ("rediss", "redis"), ("amqp", "rabbitmq"), ("pyamqp", "rabbitmq"), ("kafka", "kafka"),
     ("postgresql", "postgres")],
)  # fmt: skip
@pytest.mark.usefixtures("offers")
def test_a_missing_extra_names_the_command(scheme, extra, extras):
    extras.append(extra)
    for open_it in (loading.open_broker, loading.open_backend):
        with pytest.raises(MissingExtra) as caught:
            open_it(f"{scheme}://user:hunter2@host", {})
        assert f'type: pip install "umbel[{extra}]"' in str(caught.value)
        assert "hunter2" not in str(caught.value)


@pytest.mark.usefixtures("extras")
def test_a_technology_of_a_later_release_is_not_promised(offers):
    offers["umbel.brokers"] = {"sqlite": "x:y", "memory": "x:y"}
    with pytest.raises(ImproperlyConfigured) as caught:
        loading.open_broker("redis://user:hunter2@host", {})
    assert str(caught.value) == "This release of umbel has no broker for 'redis' yet; use one of: memory, sqlite."


def test_a_technology_that_is_here_in_another_role_is_not_promised_by_its_extra(offers, extras):
    extras.append("redis")
    offers["umbel.backends"] = {"redis": "x:y"}
    offers["umbel.brokers"] = {"sqlite": "x:y"}
    with pytest.raises(ImproperlyConfigured, match="no broker for 'redis' yet; use one of: sqlite"):
        loading.open_broker("redis://h", {})


def test_the_extras_are_those_of_the_installed_release():
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert sorted(loading._declared()) == sorted(declared.get("optional-dependencies", {}))


def test_an_extra_whose_library_is_missing_names_the_command(offers, project, extras):
    extras.append("redis")
    project(redisroom="import not_installed_here", strange="import not_installed_here")
    sys.path.insert(0, str(Path.cwd()))
    offers["umbel.brokers"] = {"redis": "redisroom:open_it", "own": "strange:open_it"}
    with pytest.raises(MissingExtra, match=r"no module 'not_installed_here'\); type: pip install \"umbel\[redis\]\""):
        loading.open_broker("redis://h", {})
    with pytest.raises(MissingExtra, match="install what its package asks for"):
        loading.open_broker("own://h", {})


def test_a_missing_extra_is_an_import_error_too(offers, extras):
    assert offers == {}
    extras.append("redis")
    with pytest.raises(ImportError):
        loading.open_broker("redis://h", {})


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("UMBEL_STATE_DIR", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def test_where_files_are_kept(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert loading.state_dir() == home / "Library" / "Application Support" / "umbel"
    monkeypatch.setattr(sys, "platform", "linux")
    assert loading.state_dir() == home / ".local" / "state" / "umbel"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert loading.state_dir() == home / ".local" / "state" / "umbel"
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert str(loading.state_dir()) == "/xdg/umbel"
    monkeypatch.setenv("UMBEL_STATE_DIR", "~/mine")
    assert loading.state_dir() == home / "mine"
    assert not list(home.iterdir()), "nothing is created by asking"


def test_one_file_for_each_name_and_directory(home, tmp_path):
    here = loading.default_store_url("hello", str(tmp_path / "a" / "hello.py"))
    assert here == loading.default_store_url("hello", str(tmp_path / "a" / "other.py"))
    assert here != loading.default_store_url("hello", str(tmp_path / "b" / "hello.py"))
    assert here != loading.default_store_url("hullo", str(tmp_path / "a" / "hello.py"))
    assert here.startswith(f"sqlite:///{home}/.local/state/umbel/hello-")
    assert here.endswith(".db")


def test_a_link_to_a_directory_is_the_directory(home, tmp_path):
    assert home == tmp_path
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert loading.default_store_url("a", str(tmp_path / "link" / "m.py")) == loading.default_store_url(
        "a", str(tmp_path / "real" / "m.py")
    )


def test_without_a_module_the_current_directory_counts(home, monkeypatch):
    monkeypatch.chdir(home)
    assert loading.default_store_url("a", None) == loading.default_store_url("a", str(home / "prompt.py"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "...", "ü ö", "x" * 500, "a\nb", "%2e?#"])
def test_no_name_leaves_the_directory(home, name):
    url = loading.default_store_url(name, "/srv/m.py")
    folder, _, file = url.rpartition("/")
    assert folder == f"sqlite:///{home}/.local/state/umbel"
    assert 0 < len(file) < 300
    assert not file.startswith(".")
    assert not set(file) & set("?#\n ")


def test_a_path_with_odd_characters_is_quoted(home, monkeypatch):
    monkeypatch.setenv("UMBEL_STATE_DIR", str(home / "a b?c#d%e"))
    assert f"sqlite:///{home}/a%20b%3Fc%23d%25e/hello-" in loading.default_store_url("hello", "/srv/m.py")
