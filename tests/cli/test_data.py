"""What the commands print: columns in a pipe, JSON for programs, with no worker there."""

from __future__ import annotations

import io

import pytest

from umbel.broker import Owner, Want
from umbel.loading import open_broker
from umbel.outcome import Bury

APP = ("-A", "shop")


def send(umbel, *options, task="shop.add", args="[2, 3]"):
    said = umbel(*APP, "call", task, "-a", args, *options)
    assert said.code == 0, said
    return said.out.strip()


def test_the_app_is_accepted_before_and_after_the_verb(umbel):
    task_id = send(umbel)
    for words in (["-A", "shop", "queues"], ["queues", "-A", "shop"], ["queues", "--app", "shop"]):
        assert umbel(*words, "--json").data[0]["ready"] == 1
    for words in (["messages", "-A", "shop", "list"], ["messages", "list", "-A", "shop"]):
        assert umbel(*words, "--json").data[0]["id"] == task_id


def test_queues_in_a_pipe_are_tab_separated(umbel):
    send(umbel)
    send(umbel, "--queue", "mail", "--countdown", "600")
    rows = [row.split("\t") for row in umbel(*APP, "queues").out.splitlines()]
    assert rows[0] == ["queue", "ready", "delayed", "running", "dead", "oldest"]
    assert [row[:5] for row in rows[1:]] == [["celery", "1", "0", "0", "0"], ["mail", "0", "1", "0", "0"]]


def test_no_messages_is_a_sentence_or_an_empty_list(umbel):
    said = umbel(*APP, "queues")
    assert (said.code, said.out, said.err) == (0, "", "No messages.\n")
    assert umbel(*APP, "queues", "--json").data == []
    assert umbel(*APP, "dead", "list", "--json").data == []


def test_messages_are_listed_shown_and_deleted(umbel):
    first, second = send(umbel), send(umbel, "--countdown", "600")
    [ready] = umbel(*APP, "messages", "list", "--json").data
    [delayed] = umbel(*APP, "messages", "list", "--place", "delayed", "--json").data
    assert (ready["id"], delayed["id"]) == (first, second)
    assert (ready["name"], ready["args"], ready["place"]) == ("shop.add", "[2, 3]", "ready")
    shown = umbel(*APP, "messages", "show", first).out
    assert f"id        {first}" in shown
    assert umbel(*APP, "messages", "delete", "-f", first, second).out == "2 deleted\n"
    assert umbel(*APP, "queues", "--json").data == []


def test_what_is_deleted_is_printed_as_json(umbel):
    first, second = send(umbel), send(umbel)
    said = umbel(*APP, "messages", "delete", "-f", first, second, "--json")
    assert said.data == {"deleted": 2, "ids": [first, second]}


def test_what_is_replayed_and_discarded_is_printed_as_json(umbel, shop):
    first, second = send(umbel), send(umbel)
    bury(shop, 2)
    assert umbel(*APP, "dead", "replay", first, "--json").data == {"replayed": 1, "ids": [first]}
    assert umbel(*APP, "dead", "discard", "-f", "--all", "--json").data == {"discarded": 1, "ids": [second]}
    assert umbel(*APP, "dead", "replay", "--all", "--json").data == {"replayed": 0, "ids": []}


def bury(shop, count):
    """Claim what waits and set it aside."""
    broker = open_broker(f"sqlite:///{shop.folder}/shop.db", {})
    owner = Owner(7, "w@here", 1, "child", 0.0)
    owners, consumer = broker.owners(), broker.consumer(owner)
    owners.enlist(owner)
    claimed = consumer.turn([], Want(("celery",), count)).deliveries
    consumer.turn([Bury(delivery, reason="broken", detail="") for delivery in claimed], None)
    owners.retire(owner.nonce)
    consumer.close()
    owners.close()


def test_questions_and_silence_are_json_too(umbel):
    assert "active_queues" in umbel("inspect", "--list", "--json").data
    said = umbel(*APP, "inspect", "-t", "0.1", "ping", "--json")
    assert (said.code, said.data) == (69, {})


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_a_question_that_nobody_answers_with_yes_changes_nothing(umbel, monkeypatch, answer):
    task_id = send(umbel)
    for words in (["purge"], ["messages", "delete", task_id]):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        said = umbel(*APP, *words)
        assert said.code == 1
        assert "Aborted!" in said.err
    assert umbel(*APP, "queues", "--json").data[0]["ready"] == 1


def test_purge_removes_what_waits_in_the_named_queues(umbel):
    send(umbel)
    send(umbel, "--queue", "mail")
    assert umbel(*APP, "purge", "-f", "-Q", "mail,celery", "-X", "celery", "--json").data == {
        "purged": 1, "queues": ["mail"],
    }  # fmt: skip
    assert umbel(*APP, "purge", "--force").out == "Purged 1 message from 1 queue.\n"


def test_call_prints_an_id_or_json(umbel):
    said = umbel(*APP, "call", "shop.add", "-a", "[2, 3]", "--json")
    assert set(said.data) == {"id", "name"}
    assert umbel(*APP, "result", said.data["id"]).code == 66


def test_a_waiting_task_is_revoked_without_a_worker(umbel):
    task_id = send(umbel)
    assert umbel(*APP, "revoke", task_id, "--json").data == {"revoked": [task_id], "removed": [task_id]}
    said = umbel(*APP, "result", task_id, "--json")
    assert (said.code, said.data["state"]) == (1, "REVOKED")


def test_waiting_in_vain_is_code_69(umbel):
    said = umbel(*APP, "call", "shop.add", "-a", "[1, 2]", "--wait", "0.05")
    assert said.code == 69
    assert "did not end within 0.05 seconds" in said.err


@pytest.mark.parametrize("words", [["status", "-t", "0.1"], ["inspect", "-t", "0.1", "ping"]])
def test_nobody_there_is_code_69(umbel, words):
    said = umbel(*APP, *words)
    assert said.code == 69
    assert "No nodes replied" in said.err


def test_report_says_where_everything_is(umbel):
    report = umbel(*APP, "report", "--json").data
    assert (report["app"], report["broker"]) == ("shop", "sqlite:///shop.db")
    assert "sqlite:///shop.db" in umbel(*APP, "report").out


def test_questions_can_be_listed(umbel):
    assert "active_queues" in umbel("inspect", "--list").out.splitlines()


def test_the_version_is_printed(umbel, monkeypatch):
    monkeypatch.setenv("UMBEL_VERSION", "7.7.7")  # of somebody's image
    assert umbel("--version").out == "0.1.0\n"
    assert umbel(*APP, "queues").code == 0


@pytest.mark.parametrize("name", ["UMBEL_APP", "CELERY_APP"])
def test_the_app_from_the_environment(umbel, monkeypatch, name):
    monkeypatch.setenv(name, "shop")
    assert umbel("queues").code == 0


def test_options_from_the_environment(umbel, monkeypatch):
    send(umbel, "--queue", "mail")
    monkeypatch.setenv("CELERY_PURGE_QUEUES", "mail")
    monkeypatch.setenv("UMBEL_PURGE_FORCE", "1")
    assert umbel(*APP, "purge").out == "Purged 1 message from 1 queue.\n"


def test_a_broker_on_the_line_wins_over_the_environment(umbel, monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "sqlite:///other.db")
    assert umbel("-b", "sqlite:///mine.db", *APP, "report", "--json").data["broker"] == "sqlite:///mine.db"


def test_a_pipe_that_is_closed_early_is_no_error(shop):
    shop.umbel(*APP, "call", "shop.add", "-a", "[1, 2]")
    said = shop.processes.run("-c", "umbel -A shop inspect --list | head -1; echo ${PIPESTATUS[1]}", program="bash")
    assert (said.stdout, said.stderr) == ("active\n0\n", "")


def test_a_shell_has_the_tasks(shop):
    said = shop.umbel(*APP, "shell", input="print('id', len(add.delay(2, 3).id))\n")
    assert said.returncode == 0
    assert "id 36" in said.stdout
    said = shop.umbel(*APP, "shell", "--without-tasks", input="print('add' in globals())\n")
    assert "False" in said.stdout
