"""A user's mistake is one sentence on standard error and an exit code, never a traceback."""

from __future__ import annotations

import os

import pytest

from tests.cli.conftest import Said
from umbel.cli.group import COMMANDS


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("nope", "There is no module 'nope'"),
        ("shoop", "Did you mean 'shop'?"),
        ("shop:apps", "'shop' has no attribute 'apps'. Did you mean 'app'?"),
        ("shop.apps", "no module or attribute 'apps'. Did you mean 'app'?"),
        ("inside", "No module named 'flaskk'"),
        ("typo", "SyntaxError"),
        ("zero", "ZeroDivisionError"),
        ("empty", "has no application"),
        ("shop:shopkeeper", "no attribute 'shopkeeper'"),
        ("shop:add.name", "no application but an object of type 'str'"),
        ("shop.py", "-A shop"),
    ],
)
def test_a_wrong_app(umbel, shop, app, words):
    for name, text in (("inside", "import flaskk"), ("typo", "def f(:"), ("zero", "1 / 0"), ("empty", "x = 1")):
        shop.write(f"{name}.py", text)
    said = umbel("-A", app, "queues")
    assert (said.code, said.out) == (64, "")
    assert words in said.err
    assert_one_sentence(said.err)


def assert_one_sentence(err: str) -> None:
    assert err.startswith("umbel: ")
    assert len(err.splitlines()) == 1, err


def test_a_mistyped_command(umbel):
    said = umbel("wroker")
    assert said.code == 2
    assert "No such command 'wroker'. Did you mean 'worker'?" in said.err


def test_arguments_that_are_not_one_array(umbel, shop):
    said = umbel("-A", "shop", "call", "shop.add", "1", "two")
    assert (said.code, said.out) == (2, "")
    assert """umbel call shop.add -a '[1, "two"]'""" in said.err


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("worker.concurency=2", "did you mean 'worker_concurrency'?"),
        ("quickly", "'quickly' is no setting: write namespace.key=value"),
        (".concurrency=x", "worker_concurrency must be a whole number"),
    ],
)
def test_settings_of_a_worker_that_are_none(umbel, word, sentence):
    said = umbel("-A", "shop", "worker", "--", word)
    assert (said.code, said.out) == (64, "")
    assert sentence in said.err
    assert_one_sentence(said.err)


def test_no_app_at_all(umbel):
    said = umbel("queues")
    assert said.code == 64
    assert "add -A MODULE" in said.err


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("redis://127.0.0.1:1/0", 69, "redis://127.0.0.1:1/0 cannot be reached (Connection refused)"),
        ("amqp://127.0.0.1:1", 69, "127.0.0.1:1// cannot be reached (Connection refused)"),
        ("kafka://127.0.0.1:1", 64, "no broker for 'kafka' yet; use one of: amqp, "),
        ("rabbitmq://x", 64, " Write amqp://... for RabbitMQ."),
        ("reddis://x", 64, " Write redis://..."),
        ("carrier-pigeon://x", 64, "Nobody offers a broker called 'carrier-pigeon'; installed are: amqp, "),
        ("::", 64, "is no URL"),
        ("sqlite:////proc/nowhere/x.db", 69, "No such file or directory"),
        ("sqlite:///damaged.db", 69, "is not a SQLite file"),
    ],
)
@pytest.mark.parametrize("verb", [["queues"], ["call", "shop.add", "-a", "[1, 2]"], ["worker"]])
def test_a_wrong_or_dead_store(umbel, shop, url, code, words, verb):
    shop.write("damaged.db", "no database, " * 100)
    line = ("-q", "-A", "shop", "-b", url, *verb)
    if verb == ["worker"]:  # it forks before it opens the store
        shop.write("once.py", "from shop import app\n\napp.conf.broker_connection_retry_on_startup = False\n")
        done = shop.umbel("-q", "-A", "once", "-b", url, *verb)
        said = Said(done.returncode, done.stdout, done.stderr)
    else:
        said = umbel(*line)
    assert (said.code, words in said.err) == (code, True), said
    assert_one_sentence(said.err)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_store(umbel, shop):
    assert umbel("-A", "shop", "call", "shop.add", "-a", "[1, 2]").code == 0
    (shop.folder / "shop.db").chmod(0o400)
    said = umbel("-A", "shop", "call", "shop.add", "-a", "[1, 2]")
    assert said.code == 69
    assert_one_sentence(said.err)


def test_a_password_is_not_shown(umbel):
    said = umbel("-A", "shop", "-b", "redis://user:secret@127.0.0.1:1/0", "queues")
    assert said.code == 69
    assert "secret" not in said.err


def test_a_worker_on_memory_is_refused(umbel):
    said = umbel("-A", "shop", "-b", "memory://", "worker")
    assert said.code == 64
    assert "lives inside one process" in said.err
    assert_one_sentence(said.err)


@pytest.mark.parametrize(
    ("scope", "broker", "told"),
    [("town", "sqlite:///shop.db", "write worker or cluster"), ("cluster", "pyamqp://127.0.0.1:1//", "keeps no limit")],
)
def test_a_limit_of_all_workers_that_nobody_keeps(umbel, shop, scope, broker, told):
    shop.write("ltd.py", f"""
        from umbel import Umbel
        app = Umbel("ltd", broker={broker!r})
        @app.task(rate_limit="1/s", rate_limit_scope={scope!r})
        def once(): ...
    """)  # fmt: skip
    said = umbel("-q", "-A", "ltd", "worker", "-c", "1")
    assert (said.code, told in said.err) == (64, True), said
    assert_one_sentence(said.err)


def test_a_system_without_fork_has_all_but_the_worker(umbel, monkeypatch):
    monkeypatch.delattr(os, "fork")
    said = umbel("-A", "shop", "worker", "-c", "2", "-l", "INFO")
    assert said.code == 64
    assert "Linux and macOS" in said.err
    assert_one_sentence(said.err)
    assert umbel("-A", "shop", "queues").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["call", "shop.add", "-a", "[1"], "not JSON"),
        (["call", "shop.add", "-a", '{"x": 1}'], "as in [2, 3]"),
        (["call", "shop.add", "-k", "[1]"], 'as in {"x": 2}'),
        (["call", "shop.add", "--eta", "tomorrow"], "no ISO 8601 time"),
        (["inspect", "mood"], "Available inspect commands: active"),
        (["inspect"], "Available inspect commands: active"),
        (["dead", "replay"], "--all"),
        (["dead", "replay", "a", "b", "-a", "[1]"], "one task id"),
        (["messages", "list", "--place", "moon"], "ready"),
        (["--workdir", "/nowhere", "queues"], "does not exist"),
        (["worker", "-l", "LOUD"], "LOUD"),
        (["sing"], "No such command 'sing'"),
    ],
)
def test_wrong_usage_is_code_2(umbel, words, told):
    said = umbel("-A", "shop", *words)
    assert (said.code, told in said.err) == (2, True), said
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["call", "shop.add", "-a", "[1]"], 64, "missing a required argument: 'y'"),
        (["worker", "-c", "many"], 64, "a number from 1, or auto"),
        (["worker", "-c", "0"], 64, "a number from 1, or auto"),
        (["worker", "-P", "swimming"], 64, "unknown pool 'swimming'"),
        (["worker", "-B", "--scheduler", "their.own:Scheduler"], 64, "'their'"),
        (["worker", "-I", "nothing_here"], 64, "There is no module 'nothing_here'"),
        (["worker", "-f", "/nowhere/at/all.log"], 64, "/nowhere/at/all.log"),
        (["worker", "--uid", "nobody_of_this_name"], 64, "nobody_of_this_name"),
        (["worker", "--umask", "9"], 64, "octal"),
        (["result", "no-such-id"], 66, "no task with the id"),
        (["result", "no-such-id", "-t", "shop.nope"], 66, "no task called 'shop.nope'"),
        (["messages", "show", "no-such-id"], 66, "no message with the id"),
        (["messages", "delete", "-f", "no-such-id"], 66, "no message with the id"),
        (["dead", "replay", "no-such-id"], 66, "no dead letter with the id"),
        (["dead", "discard", "-f", "no-such-id"], 66, "no dead letter with the id"),
    ],
)
def test_what_is_not_there_or_not_possible(umbel, words, code, told):
    said = umbel("-q", "-A", "shop", *words)
    assert (said.code, told in said.err) == (code, True), said
    assert_one_sentence(said.err)


def test_an_unknown_task_is_sent_with_a_warning(umbel):
    said = umbel("-A", "shop", "call", "elsewhere.task")
    assert said.code == 0
    assert "not known here" in said.err
    assert umbel("-A", "shop", "messages", "list", "--json").data[0]["id"] == said.out.strip()


def test_a_bug_of_our_own_shows_where_and_is_code_70(umbel, monkeypatch):
    def broken(*_):
        raise AssertionError("impossible")

    monkeypatch.setattr("umbel.cli.store.Inspector", broken)
    umbel("--version")
    said = umbel("-A", "shop", "queues")
    assert said.code == 70
    assert "Traceback" in said.err
    assert "please report it" in said.err


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(umbel, verb):
    said = umbel(verb, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"umbel {verb}" in said.out or f"{verb} " in said.out.partition("Options:")[0].partition("\n")[2]
    example = [row for row in said.out.splitlines() if "umbel" in row and verb in row and not row.startswith("Usage")]
    assert example, said.out


def test_the_list_of_commands_says_what_each_one_says(umbel):
    listing = " ".join(umbel("--help").out.split())
    for verb, (_, words) in COMMANDS.items():
        assert f"{verb} {words}" in listing
        assert words.rstrip(".") in " ".join(umbel(verb, "--help").out.split())
