"""Fixtures that every room may use: a project of its own in a folder of its own, and the processes started in it."""

from __future__ import annotations

import gc
import os
import sys
import textwrap
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from tests.support import forked, scale
from tests.support.processes import Processes
from tests.support.rabbitmq import RabbitMQ, rabbitmq_server

TOP = Path(__file__).resolve().parent.parent
UMBEL = Path(sys.executable).parent / "umbel"

# The same examples in every run: what fails was broken by what changed. `make soak` looks further, with its seeds.
# Without the phase that explains a failure, which traces each line: CPython 3.11 can turn in a traced signal handler
# for ever, so that no time limit ends the test.
hypothesis.settings.register_profile(
    "umbel",
    derandomize=not scale.factor(),
    database=None,
    phases=[phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain],
)
hypothesis.settings.load_profile("umbel")


def isolated_environment(folder: Path) -> dict[str, str]:
    """An environment in which nothing of the user's home is read or written, and no setting of umbel is inherited."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("UMBEL_", "CELERY_", "XDG_", "PYTHON"))
    }
    home, state = folder / "home", folder / "state"
    home.mkdir(exist_ok=True)
    state.mkdir(exist_ok=True)
    return {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "UMBEL_STATE_DIR": str(state),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class FailuresAtOnce:
    """Names what failed when it fails: a run that is cut short never comes to its summary."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and (terminal := self.config.pluginmanager.get_plugin("terminalreporter")):
            reason = next((line for line in report.longreprtext.splitlines() if line.startswith("E ")), "")
            terminal.write(f"\nfailed after {report.duration:.1f} s: {report.nodeid} {reason[1:].strip()}\n")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that prints
        config.pluginmanager.register(FailuresAtOnce(config))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In each quarter of the tests those that wait long come first: there the four helpers of a whole run begin."""
    items[:] = [
        item
        for start in range(4)
        for item in sorted(
            items[len(items) * start // 4 : len(items) * (start + 1) // 4],
            key=lambda item: item.get_closest_marker("long") is None,
        )
    ]


def pytest_collection_finish() -> None:
    """Thousands of tests with all that they import stay to the end: the garbage collector need not look at them again
    and again, least of all when a test asks it to look.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def top() -> Path:
    """The folder of the clone."""
    return TOP


@pytest.fixture
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The test process itself, and all it starts, in an environment of its own."""
    env = isolated_environment(tmp_path)
    for name in set(os.environ) - set(env):
        if not name.startswith(("UMBEL_CHAOS_", "UMBEL_REQUIRE_", "PYTEST_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_STATE_HOME", "UMBEL_STATE_DIR", "PATH"):
        monkeypatch.setenv(name, env[name])
    return env


@pytest.fixture
def processes(tmp_path: Path, isolated: dict[str, str]) -> Iterator[Processes]:
    """Starts processes in ``tmp_path``; what still runs at the end of the test is killed."""
    started = Processes(tmp_path, isolated)
    try:
        yield started
    finally:
        started.reap()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failed test stands what its processes wrote."""
    report = yield
    started = getattr(item, "funcargs", {}).get("processes")
    if report.when == "call" and report.failed and isinstance(started, Processes) and started.started:
        report.sections.append(("Output of processes", started.report()))
    return report


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ node that all tests of this process share, each in a virtual host of its own; do not stop it."""
    with rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
def interpreters() -> Iterator[dict[str, forked.Interpreter]]:
    """One that has imported umbel, one that has imported Celery, and one with what a worker needs."""
    kinds = {"umbel": forked.UMBEL, "celery": forked.CELERY, "worker": forked.WORKER}
    with ExitStack() as stack:
        yield {name: stack.enter_context(closing(forked.Interpreter(*modules))) for name, modules in kinds.items()}


@dataclass
class Project:
    """A user's project: files in a folder, and the command line of umbel over it.

    Attributes:
        folder: where its files are; also the current folder of its processes.
        env: environment of its processes.
        processes: starts and ends them.
        interpreters: what `client` forks.
    """

    folder: Path
    env: dict[str, str]
    processes: Processes
    interpreters: Mapping[str, forked.Interpreter]

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project; common indentation is removed."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def umbel(self, *arguments: str, timeout: float = 30.0, input: str | None = None):
        """Run ``umbel ARGUMENTS`` to its end."""
        return self.processes.run(*arguments, program=UMBEL, timeout=timeout, input=input)

    def worker(self, app: str, *options: str, env: dict[str, str] | None = None):
        """Start ``umbel -A APP worker OPTIONS``; wait for what you need with ``until_output``."""
        return self.processes.start(UMBEL, "-A", app, "worker", *options, env=env)

    def forked_worker(self, app: str, *options: str, env: dict[str, str] | None = None):
        """The same in half the time, its program imported already, for a test of what workers do."""
        code = "import sys\nfrom umbel.cli import main\nsys.exit(main())"
        return self.processes.fork(self.interpreters["worker"], code, UMBEL, "-A", app, "worker", *options, env=env)

    def celery_worker(self, app: str, *options: str, env: dict[str, str] | None = None):
        """Start ``celery -A APP worker OPTIONS`` in the same way: it is what others are tested against."""
        code = "import sys\nfrom celery.__main__ import main\nsys.exit(main())"
        return self.processes.fork(self.interpreters["celery"], code, "celery", "-A", app, "worker", *options, env=env)

    def python(self, code: str, *, timeout: float = 30.0):
        """Run a piece of Python in the project's folder to its end."""
        return self.processes.run("-c", textwrap.dedent(code), timeout=timeout)

    def client(self, code: str, *, of: str = "umbel", timeout: float = 30.0):
        """The same for a program that calls, in a third of the time: umbel, or "celery", is imported already."""
        interpreter = self.interpreters[of]
        return interpreter.run(textwrap.dedent(code), self.folder, self.processes.env, timeout=timeout)


@pytest.fixture
def project(
    tmp_path: Path, isolated: dict[str, str], processes: Processes, interpreters: dict[str, forked.Interpreter]
) -> Project:
    """An empty project in ``tmp_path``, importable by its processes."""
    isolated["PYTHONPATH"] = processes.env["PYTHONPATH"] = str(tmp_path)
    return Project(tmp_path, isolated, processes, interpreters)
