"""Every signal of Celery's, heard by receivers in a real worker, a real client and the command line."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.until import until
from tests.wire.test_signals import NAMES
from umbel import signals

PROJECT = """
import json, os, sys
from umbel import Umbel, signals
from umbel.signals import Signal

app = Umbel("loud", broker="sqlite:///loud.db")
left_out = os.environ.get("LEFT_OUT", "").split()

def listen(name, to):
    def heard(sender=None, signal=None, **named):
        kind = sender if isinstance(sender, str) else type(sender).__name__
        node = getattr(sender, "hostname", None) or getattr(named.get("instance"), "hostname", None)
        said = {"name": name, "pid": os.getpid(), "sender": kind, "named": sorted(named), "node": node}
        if name == "worker_shutting_down":
            said["what"] = [named["sig"], named["how"], named["exitcode"]]
        if name in ("task_received", "task_unknown", "task_rejected", "task_revoked", "task_failure"):
            said["what"] = str(getattr(named.get("request"), "id", None) or named.get("id") or named.get("task_id"))
        if name == "task_sent":
            said["what"] = [named["task"], named["args"], named["kwargs"]]
        if name == "task_rejected":
            said["what"] = [named["message"].delivery_info["routing_key"], bytes(named["message"].body).decode()]
        with open("heard.jsonl", "a") as file:
            file.write(json.dumps(said) + "\\n")
        if name == "setup_logging":
            import logging
            logging.basicConfig(level=logging.INFO, stream=sys.stderr)
        raise ValueError("the receiver of " + name)
    if name not in left_out:
        to.connect(heard, weak=False, dispatch_uid="loud")
        to.connect(heard, weak=False, dispatch_uid="loud")

for name, found in list(vars(signals).items()):
    if isinstance(found, Signal):
        listen(name, found)
for name in ("on_configure", "on_after_configure", "on_after_finalize", "on_after_fork"):
    listen(name, getattr(app, name))

class Hostile(Exception):
    @property
    def args(self):
        raise ValueError("it cannot be looked at")

@app.task(name="ok")
def ok(x=1):
    return x

@app.task(name="fail")
def fail():
    raise KeyError("oops")

@app.task(name="again", bind=True)
def again(self):
    if not self.request.retries:
        raise self.retry(countdown=0)

@app.task(name="hostile")
def hostile():
    raise Hostile
"""

CALLS = """
import warnings
from loud import again, app, fail, hostile, ok
from umbel.message import Parcel

ok.delay(x=2)
fail.delay()
again.delay()
hostile.delay()
app.send_task("nobody", task_id="unknown-one")
warnings.simplefilter("ignore")
ok.apply_async(expires=-1, task_id="expired-one")
head = app.build("ok", (), {}, task=ok, task_id="broken-one").head
app.broker.publisher().publish([Parcel("celery", "broken-one", "ok", head, b"no JSON")], deadline=5, limits=None)
"""

LOGGED = {"logger", "loglevel", "logfile", "format", "colorize"}
RUN = {"task_id", "task", "args", "kwargs"}
# signal -> (type or text of the sender, what it passes), as Celery's
CLIENT = {
    "before_task_publish": (
        "ok", {"body", "exchange", "routing_key", "headers", "properties", "declare", "retry_policy"}
    ),
    "after_task_publish": ("ok", {"body", "exchange", "routing_key", "headers"}),
    "task_sent": ("ok", RUN | {"eta", "taskset"}),
    "on_configure": ("Umbel", set()),
    "on_after_configure": ("Umbel", {"source"}),
    "on_after_finalize": ("Umbel", set()),
}  # fmt: skip
SUPERVISOR = {
    "import_modules": ("Umbel", set()),
    "celeryd_init": ("loud@here", {"instance", "conf", "options"}),
    "celeryd_after_setup": ("loud@here", {"instance", "conf"}),
    "worker_init": ("Worker", set()),
    "worker_ready": ("Consumer", set()),
    "heartbeat_sent": ("Supervisor", set()),
    "worker_shutting_down": ("loud@here", {"sig", "how", "exitcode"}),
    "worker_shutdown": ("Worker", set()),
    "after_setup_logger": ("NoneType", LOGGED),
    "after_setup_task_logger": ("NoneType", LOGGED),
}
CHILD = {
    "on_after_fork": ("Umbel", set()),
    "worker_process_init": ("loud@here", set()),
    "worker_process_shutdown": ("loud@here", {"pid", "exitcode"}),
    "task_received": ("Runner", {"request"}),
    "task_prerun": ("ok", RUN),
    "task_postrun": ("ok", RUN | {"retval", "state"}),
    "task_success": ("ok", {"result", "runtime"}),
    "task_retry": ("again", {"request", "reason", "einfo"}),
    "task_failure": ("fail", {"task_id", "exception", "args", "kwargs", "traceback", "einfo"}),
    "task_internal_error": (
        "hostile", {"task_id", "args", "kwargs", "request", "exception", "traceback", "einfo"}
    ),
    "task_revoked": ("ok", {"request", "terminated", "signum", "expired"}),
    "task_rejected": ("Runner", {"message", "exc"}),
    "task_unknown": ("Runner", {"message", "exc", "name", "id"}),
}  # fmt: skip
OF_THE_LOG = {"setup_logging": ("NoneType", {"loglevel", "logfile", "format", "colorize"})}
LINE = {"user_preload_options": ("Personal", {"app", "options"})}
NURSERY = {"worker_before_create_process": ("Supervisor", set())}
# Parts that are not here: there is no beat yet, no pool of eventlet's.
NEVER = {
    "beat_init", "beat_embedded_init", "eventlet_pool_started", "eventlet_pool_preshutdown",
    "eventlet_pool_postshutdown", "eventlet_pool_apply",
}  # fmt: skip


def test_the_tables_name_every_signal_once():
    named = [*CLIENT, *SUPERVISOR, *CHILD, *OF_THE_LOG, *LINE, *NURSERY, *NEVER]
    assert sorted(name for name in named if not name.startswith("on_")) == sorted(NAMES)


@pytest.mark.parametrize("name", [*CLIENT, *SUPERVISOR, *CHILD, *OF_THE_LOG, *LINE, *NURSERY])
def test_a_signal_says_what_it_passes(name):
    table = {**CLIENT, **SUPERVISOR, **CHILD, **OF_THE_LOG, **LINE, **NURSERY}
    declared = getattr(signals, name, None)
    assert declared is None or declared.providing_args == table[name][1]


def heard(project):
    path = project.folder / "heard.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def told(found, pids):
    """Signal -> senders and what was passed, of these processes."""
    return {
        name: {(one["sender"], tuple(one["named"])) for one in found if one["name"] == name and one["pid"] in pids}
        for name in {one["name"] for one in found}
    }


def expected(table):
    return {name: (sender, tuple(sorted(named))) for name, (sender, named) in table.items()}


def missing(said, table):
    return {name: said.get(name) for name, row in expected(table).items() if row not in said.get(name, ())}


@pytest.fixture
def loud(project):
    project.write("loud.py", PROJECT)
    return project


def test_all_of_them_are_heard(loud):
    client = loud.python(CALLS)
    assert client.returncode == 0, client.stderr
    before = heard(loud)
    [pid] = {one["pid"] for one in before}
    assert missing(told(before, {pid}), CLIENT) == {}
    assert ["ok", [], {"x": 2}] in [one.get("what") for one in before if one["name"] == "task_sent"]

    worker = loud.worker("loud", "-c", "1", "-n", "loud@here", "-l", "INFO", env={"LEFT_OUT": "setup_logging"})
    wanted = {*SUPERVISOR, *CHILD, *NURSERY} - {
        "worker_shutting_down", "worker_shutdown", "worker_process_shutdown"
    }  # fmt: skip
    until(lambda: wanted <= {one["name"] for one in heard(loud)[len(before) :]}, timeout=30)
    assert worker.stop() == 0
    after = heard(loud)[len(before) :]
    children = {one["pid"] for one in after if one["name"] == "worker_process_init"}
    nurseries = {one["pid"] for one in after if one["name"] == "worker_before_create_process"}
    assert worker.pid not in children | nurseries
    assert not children & nurseries
    assert missing(told(after, {worker.pid}), SUPERVISOR | LINE) == {}
    assert missing(told(after, children), CHILD) == {}
    assert missing(told(after, nurseries), NURSERY) == {}
    assert_details(after)
    assert "The receiver" in worker.output(), "each of them raised, and the worker said so and went on"


def assert_details(after):
    what = {}
    for one in after:
        what.setdefault(one["name"], []).append(one.get("what"))
    assert what["worker_shutting_down"] == [["SIGTERM", "Warm", 0]]
    assert what["task_unknown"] == ["unknown-one"]
    assert what["task_revoked"] == ["expired-one"]
    assert what["task_rejected"] == [["celery", "no JSON"]]
    assert "expired-one" not in what["task_received"]
    assert {one["node"] for one in after if one["name"] in ("task_received", "worker_ready", "celeryd_init")} == {
        "loud@here"
    }


def test_a_receiver_of_setup_logging_takes_the_logs_over(loud):
    worker = loud.worker("loud", "-c", "1", "-n", "loud@here")
    worker.until_output("INFO:umbel.worker:loud@here ready.")
    worker.send(signal.SIGQUIT)
    assert worker.wait() == 0
    said = told(heard(loud), {worker.pid})
    assert missing(said, OF_THE_LOG) == {}
    assert "after_setup_logger" not in said
    [cold] = [one["what"] for one in heard(loud) if one["name"] == "worker_shutting_down"]
    assert cold == ["SIGQUIT", "Cold", 0]


INIT = """
from umbel import Umbel
from umbel.signals import celeryd_init

app = Umbel("node", broker="sqlite:///node.db")

@celeryd_init.connect(sender="slow@here")
def configure(sender, instance, conf, options, **kwargs):
    conf.worker_concurrency = 3
    options["queues"] = ("slow",)
    assert (instance.hostname, instance.app) == (sender, app)
"""


@pytest.mark.parametrize(
    ("node", "shown"), [("slow@here", ("-c 3", "queues   slow")), ("fast@here", ("queues   celery",))]
)
def test_a_node_is_configured_when_it_begins(project, node, shown):
    project.write("node.py", INIT)
    worker = project.worker("node", "-n", node, "-l", "INFO")
    output = worker.until_output("ready.")
    assert [words for words in shown if words not in output] == []
    assert worker.stop() == 0


OWN = """
import click
from umbel import Umbel
from umbel.signals import celeryd_init, user_preload_options

app = Umbel("own", broker="sqlite:///own.db")
app.user_options["preload"].add(click.Option(["-Z", "--template"], default="plain", help="The template."))
app.user_options["worker"].add(click.Option(["--tenant"], help="Whose tasks."))

@user_preload_options.connect
def preload(sender, app, options, **kwargs):
    print("template", options["template"], app.main)

@celeryd_init.connect
def tenant(options, **kwargs):
    print("tenant", options["tenant"], flush=True)
"""


def test_an_application_has_options_of_its_own(project):
    project.write("own.py", OWN)
    plain = project.umbel("-A", "own", "queues", "-Z", "fine")
    assert (plain.returncode, plain.stdout.splitlines()[0]) == (0, "template fine own")
    assert project.umbel("queues", "-A", "own").stdout.splitlines()[0] == "template plain own"
    assert "--template" in project.umbel("-A", "own", "queues", "--help").stdout
    unknown = project.umbel("-A", "own", "queues", "--tenant", "x")
    assert (unknown.returncode, "No such option" in unknown.stderr) == (2, True)
    worker = project.worker("own", "--tenant", "acme", "-c", "1", "-l", "INFO")
    output = worker.until_output("ready.")
    assert [line for line in ("template plain own", "tenant acme") if line not in output.splitlines()] == []
    assert worker.stop() == 0


def test_a_wrong_application_is_one_sentence_all_the_same(project):
    said = project.umbel("-A", "nothing", "queues", "--template", "x")
    assert said.returncode in (2, 64)
    assert "Traceback" not in said.stderr
