"""An app's own bootsteps and options in a real worker."""

from __future__ import annotations

from tests.support.until import until
from umbel import Umbel
from umbel.inspector import Inspector

STEPS = """
import click
from umbel import bootsteps
from shop import app

tenant = "nobody"

def say(word):
    with open("said.txt", "a") as file:
        file.write(word + "\\n")

@app.task(name="whose")
def whose():
    return tenant

class Tenant(bootsteps.Step):
    def __init__(self, worker, tenant=None, **options):
        globals()["tenant"] = tenant

class Probe(bootsteps.StartStopStep):
    requires = {"celery.worker.components:Timer"}

    def create(self, worker):
        say(f"create {worker.hostname} {worker.concurrency} {worker.loglevel}")

    def start(self, worker):
        say(f"start {worker.app.main} {worker.pool.num_processes}")
        self.entry = worker.timer.call_repeatedly(0.1, say, ("tick",))

    def stop(self, worker):
        self.entry.cancel()
        say(f"stop {worker.exitcode} {len(worker.steps)}")

    def info(self, worker):
        return {"probe": "alive"}

class Watcher(bootsteps.StartStopStep):
    def start(self, consumer):
        say(f"watch {consumer.hostname} {consumer.controller.consumer is consumer} {consumer.connection.as_uri()[:6]}")
        consumer.event_dispatcher.send("custom-watched")
        consumer.add_task_queue("letters")

    def close(self, consumer):
        say("close")

    def stop(self, consumer):
        say("stop watching")

    def terminate(self, consumer):
        say("terminate watching")

    def shutdown(self, consumer):
        say("the end")

app.user_options["worker"].add(click.Option(["--tenant"]))
app.steps["worker"].update({Tenant, Probe})
app.steps["consumer"].add("more:Watcher")
"""
TIMEOUT = 30.0


def test_steps_live_as_long_as_the_worker(shop, working):
    shop.write("more.py", STEPS)
    worker = working("-c", "1", "-n", "w1@here", "--tenant", "acme", app="more")
    with Umbel("shop", broker=f"sqlite:///{shop.folder}/shop.db", set_as_current=False) as app:
        assert app.send_task("whose", queue="letters").get(timeout=TIMEOUT) == "acme"
        stats = app.control.inspect(["w1@here"], timeout=TIMEOUT).stats()
        assert stats["w1@here"]["probe"] == "alive"
        said = shop.folder / "said.txt"
        until(lambda: said.read_text().count("tick") > 1, worker.output, timeout=TIMEOUT)
        app.control.shutdown()
    assert worker.wait() == 0
    words = [word for word in said.read_text().splitlines() if word != "tick"]
    assert words == [
        "create w1@here 1 INFO", "start shop 1", "watch w1@here True sqlite", "close", "stop watching", "stop 0 1",
        "the end",
    ]  # fmt: skip


def test_a_step_that_fails_ends_the_worker_before_it_claims(shop):
    shop.write("more.py", STEPS + "\nclass Broken(bootsteps.StartStopStep):\n    def start(self, c):\n        1 / 0\n")
    shop.write("broken.py", 'from more import Broken, app\napp.steps["consumer"].add(Broken)\n')
    with Umbel("shop", broker=f"sqlite:///{shop.folder}/shop.db", set_as_current=False) as app:
        sent = app.send_task("whose")
        ended = shop.umbel("-A", "broken", "worker", "-c", "1", timeout=60)
        with Inspector(app) as inspector:
            assert [entry.id for entry in inspector.entries("ready")] == [sent.id]
    assert (ended.returncode, "could not be started: ZeroDivisionError" in ended.stderr) == (64, True), ended.stderr
    assert "watching" not in (shop.folder / "said.txt").read_text()


def test_options_of_a_step_are_in_the_help(shop, umbel):
    shop.write("more.py", STEPS)
    assert "--tenant" in umbel("-A", "more", "worker", "--help").out
    assert "--tenant" not in umbel("-A", "more", "call", "--help").out
