"""Every name of the drop-in is one that Celery has, is an alias of umbel's, and takes Celery's arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.signatures import ours, parameters
from umbel import exceptions, signals, states
from umbel.integrations.celery.names import MODULES
from umbel.loading import symbol

CELERY = json.loads((Path(__file__).parent / "data" / "api-names.json").read_text())
NAMES = [(module, name) for module, names in MODULES.items() for name in names]
FUNCTIONS = [
    (module, name)
    for module, name in NAMES
    if CELERY.get(module, {}).get(name, "").startswith(("function (", "class ("))
    and not (module == "celery.exceptions" and CELERY[module][name] == "class (*args, **kwargs)")  # as any exception
    and name not in ("uuid", "gen_unique_id")  # take the generator as an argument, which nobody gives
    and not name.startswith("current_")  # stand for what is current
    and module != "celery.contrib.pytest"  # pytest gives fixtures what they name
]
UNLISTED = {
    ("celery.backends.base", "BaseDictBackend"), ("celery.backends.base", "BaseKeyValueStoreBackend"),
    ("celery.backends.base", "get_current_task"), ("celery.utils.serialization", "b64decode"),
    ("celery.utils.serialization", "b64encode"),
    ("celery.app.trace", "task_has_custom"),
    ("celery._state", "_task_stack"),
    ("celery.app.defaults", "DEFAULTS"), ("celery.app.defaults", "DEFAULT_ACCEPT_CONTENT"),
    ("celery.app.defaults", "DEFAULT_POOL"), ("celery.app.defaults", "DEFAULT_PROCESS_LOG_FMT"),
    ("celery.app.defaults", "DEFAULT_TASK_LOG_FMT"), ("celery.app.defaults", "SETTING_KEYS"),
    ("celery.backends.database", "SessionManager"), ("celery.backends.database", "Task"),
    ("celery.backends.database", "TaskExtended"), ("celery.backends.database", "TaskSet"),
    ("celery.backends.database", "session_cleanup"), ("celery.backends.database.models", "ResultModelBase"),
    ("celery.backends.database.session", "ResultModelBase"),
    ("celery.worker.request", "create_request_cls"), ("celery.worker.strategy", "hybrid_to_proto2"),
    ("celery.worker.strategy", "proto1_to_proto2"),
    ("celery.bin.celery", "celery"),
    ("celery.beat", "BeatLazyFunc"), ("celery.beat", "DEFAULT_MAX_INTERVAL"), ("celery.beat", "event_t"),
    ("celery.bootsteps", "CLOSE"), ("celery.bootsteps", "RUN"), ("celery.bootsteps", "TERMINATE"),
    ("celery.canvas", "StampingVisitor"), ("celery.canvas", "subtask"),
    ("celery.events.dumper", "humanize_type"), ("celery.events.state", "HEARTBEAT_EXPIRE_WINDOW"),
    ("celery.exceptions", "RetryTaskError"), ("celery.exceptions", "SystemTerminate"),
    ("celery.registry", "tasks"), ("celery.result", "allow_join_result"), ("celery.result", "assert_will_not_block"),
    ("celery.result", "denied_join_result"), ("celery.result", "task_join_will_block"),
    ("celery.schedules", "BaseSchedule"), ("celery.schedules", "schedstate"),
    ("celery.signals", "import_modules"), ("celery.signals", "task_sent"), ("celery.signals", "user_preload_options"),
    ("celery.states", "ALL_STATES"), ("celery.states", "PRECEDENCE"), ("celery.states", "REJECTED"),
}  # fmt: skip
"""Names that Celery's modules have, and the captured list of their public names has not."""


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_name_is_there(module: str, name: str):
    assert symbol(MODULES[module][name]) is not None


def test_no_name_of_celery_is_invented():
    ours = {(module, name) for module, name in NAMES if module.startswith("celery")}
    theirs = {(module, name) for module, names in CELERY.items() for name in names}
    assert ours - theirs == UNLISTED


@pytest.mark.parametrize(("module", "name"), FUNCTIONS)
def test_functions_and_classes_take_celery_s_arguments(module: str, name: str):
    theirs, mine = parameters(CELERY[module][name]), ours(symbol(MODULES[module][name]))
    plain = [one for one in theirs if not one[0].startswith("*")]
    assert mine[: len(plain)] == plain or ("*args", False) in mine


def test_nothing_is_left_out_of_states_signals_and_exceptions():
    """These are whole in the core, so a new name of theirs belongs into the drop-in too."""
    for module, home in (("celery.states", states), ("celery.signals", signals), ("celery.exceptions", exceptions)):
        absent = {name for name in CELERY[module] if hasattr(home, name)} - set(MODULES[module])
        assert absent == set()


def test_the_page_lists_them_all():
    page = (Path(__file__).parents[2] / "docs" / "coming-from-celery.md").read_text()
    listed = page.partition("<!-- modules -->")[2].partition("<!-- end of modules -->")[0]
    rows = [
        f"| `{module}` | {', '.join(f'`{name}`' for name in sorted(names))} |"
        for module, names in MODULES.items()
        if names
    ]
    assert [line for line in listed.splitlines() if line.startswith("| `")] == rows
