"""`umbel worker` as an operator has it: options, signals, files, logs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time

import pytest

from tests.support.processes import alive, parent, until_gone
from tests.support.speed import slowness
from tests.support.until import until

CELERYS = (
    "-S", "state.db", "-O", "fair", "-E", "--without-gossip", "--without-mingle", "--without-heartbeat",
    "--heartbeat-interval", "3", "--disable-prefetch", "--pool-start-method", "fork", "--schedule", "x",
)  # fmt: skip


def call(shop, task, args="[]", *options):
    return shop.umbel("-q", "-A", "shop", "call", task, "-a", args, *options)


def test_a_whole_day_of_an_operator(shop, working):
    worker = working("-c", "2", "-n", "w1@here", *CELERYS)
    assert call(shop, "shop.add", "[2, 3]", "--wait", "10").stdout.splitlines()[1:] == ["5"]
    failed = call(shop, "shop.fail", "[]", "--wait", "10", "--json")
    assert failed.returncode == 1
    assert (json.loads(failed.stdout)["state"], json.loads(failed.stdout)["result"]) == ("FAILURE", "out of stock")
    again = shop.umbel("-A", "shop", "result", json.loads(failed.stdout)["id"], "--traceback")
    assert (again.returncode, 'raise ValueError("out of stock")' in again.stdout) == (1, True)
    status = shop.umbel("-A", "shop", "status", "-t", "5")
    assert (status.returncode, status.stdout) == (0, "w1@here: OK\n\n1 node online.\n")
    assert json.loads(shop.umbel("-A", "shop", "status", "-t", "5", "--json").stdout) == {"w1@here": "ok"}
    stats = json.loads(shop.umbel("-A", "shop", "inspect", "stats", "-t", "5", "--json").stdout)["w1@here"]
    assert (stats["pid"], stats["pool"]["max-concurrency"]) == (worker.pid, 2)
    registered = shop.umbel("-A", "shop", "inspect", "registered", "-t", "5", "-d", "w1@here").stdout
    assert "    * shop.add" in registered.splitlines()
    assert worker.stop() == 0


def test_what_runs_is_shown_and_revoked(shop, working):
    worker = working("-c", "1", "-n", "w1@here")
    task_id = call(shop, "shop.hold", '["held.txt", 60]').stdout.strip()
    until((shop.folder / "held.txt").exists)
    [active] = json.loads(shop.umbel("-A", "shop", "inspect", "active", "-t", "5", "--json").stdout)["w1@here"]
    assert (active["id"], active["name"], active["args"]) == (task_id, "shop.hold", ["held.txt", 60])
    found = json.loads(shop.umbel("-A", "shop", "inspect", "query_task", task_id, "-t", "5", "--json").stdout)
    assert found["w1@here"][task_id][0] == "active"
    assert shop.umbel("-A", "shop", "revoke", "--terminate", task_id).returncode == 0
    until(lambda: "REVOKED" in shop.umbel("-A", "shop", "result", task_id, "--json").stdout)
    assert worker.stop() == 0


def test_a_dead_letter_is_listed_edited_and_replayed(shop, working):
    task_id = call(shop, "shop.die").stdout.strip()
    worker = working("-c", "1")
    [dead] = until(lambda: json.loads(shop.umbel("-A", "shop", "dead", "list", "--json").stdout), timeout=30)
    assert (dead["id"], dead["deaths"]) == (task_id, 3)
    assert "code 9" in dead["reason"] + dead["detail"]
    assert worker.stop() == 0
    assert shop.umbel("-A", "shop", "dead", "replay", task_id).stdout == "1 replayed\n"
    assert json.loads(shop.umbel("-A", "shop", "queues", "--json").stdout)[0]["ready"] == 1


def test_a_purging_worker_starts_with_nothing(shop, working):
    call(shop, "shop.add", "[1, 2]")
    worker = working("-c", "1", "--discard")
    assert "purge: 1 message removed" in worker.output()
    assert worker.stop() == 0


def test_options_of_the_worker_from_the_environment(shop, working):
    worker = working(env={"CELERY_WORKER_CONCURRENCY": "3", "UMBEL_WORKER_POOL": "threads"})
    assert "pool     thread, -c 3" in worker.output()
    assert worker.stop() == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_settings_behind_two_dashes(shop, method):
    shop.write("asked.py", "from shop import app\n@app.task(name='limit')\ndef limit():\n"
               "    return [app.conf.task_time_limit, app.conf.result_extended]\n")  # fmt: skip
    options = ("-I", "asked", "-l", "INFO", "--pool-start-method", method)
    worker = shop.worker("shop", *options, "--", "task.time_limit=60", ".concurrency=1", "result.extended=(bool)yes")
    assert "-c 1" in worker.until_output("ready.")
    assert call(shop, "limit", "[]", "--wait", "10").stdout.splitlines()[1:] == ["[60, True]"]
    assert worker.stop() == 0


def test_auto_is_one_child_a_core(working):
    worker = working("-c", "auto")
    assert f"-c {len(os.sched_getaffinity(0))}" in worker.output()
    assert worker.stop() == 0


def test_spawned_children_know_the_included_modules_and_the_broker_of_the_line(shop):
    shop.write("more.py", "from shop import app\n@app.task(name='more.twice')\ndef twice(x):\n    return 2 * x\n")
    options = ("-l", "INFO", "-c", "1", "-I", "more", "--pool-start-method", "spawn")
    worker = shop.processes.start("umbel", "-b", "sqlite:///mine.db", "-A", "shop", "worker", *options)
    worker.until_output("ready.")
    done = shop.umbel("-q", "-b", "sqlite:///mine.db", "-A", "shop", "call", "more.twice", "-a", "[21]", "--wait", "10")
    assert done.stdout.splitlines()[-1] == "42"
    assert worker.stop() == 0


def test_a_worker_in_the_background_has_a_pid_file_and_a_log(shop):
    options = ("-c", "1", "-l", "INFO", "-n", "w1@here", "--pidfile", "%n.pid", "--umask", "027")
    started = shop.umbel("-A", "shop", "worker", "-D", *options)
    assert started.returncode == 0
    pid = int(until(lambda: (shop.folder / "w1.pid").exists() and (shop.folder / "w1.pid").read_text()))
    log = shop.folder / "state" / "log" / "w1@here.log"
    until(lambda: "w1@here ready." in log.read_text())
    assert f"pid {pid}, log {log}" in started.stderr
    assert os.getsid(pid) == pid
    second = shop.umbel("-A", "shop", "worker", *options)
    assert second.returncode == 73
    assert f"names the process {pid}, which runs" in second.stderr
    assert alive(pid)
    os.kill(pid, signal.SIGTERM)
    until_gone([pid])
    assert not (shop.folder / "w1.pid").exists()


def test_a_pid_file_left_by_a_crash_is_no_obstacle(shop, working):
    (shop.folder / "w.pid").write_text("999999999\n")
    worker = working("-c", "1", "--pidfile", "w.pid")
    assert int((shop.folder / "w.pid").read_text()) == worker.pid
    assert worker.stop() == 0


def test_a_twin_of_the_same_name_is_a_warning(working):
    first = working("-c", "1", "-n", "twin@here")
    second = working("-c", "1", "-n", "twin@here")
    assert f"DuplicateNodenameWarning: a worker called twin@here runs already (pid {first.pid})" in second.output()
    assert "DuplicateNodenameWarning" not in first.output()
    assert (first.stop(), second.stop()) == (0, 0)


def test_ctrl_c_lets_the_running_task_finish(shop, working):
    worker = working("-c", "1")
    task_id = call(shop, "shop.hold", '["held.txt", 1.5]').stdout.strip()
    until((shop.folder / "held.txt").exists)
    worker.send_group(signal.SIGINT)
    worker.until_output("Warm shutdown")
    assert worker.wait() == 0
    assert shop.umbel("-A", "shop", "result", task_id).stdout == "held\n"


def test_a_second_ctrl_c_hands_the_running_task_back(shop, working):
    worker = working("-c", "1")
    task_id = call(shop, "shop.hold", '["held.txt", 60]').stdout.strip()
    until((shop.folder / "held.txt").exists)
    worker.send_group(signal.SIGINT)
    worker.until_output("Warm shutdown")
    start = time.monotonic()
    worker.send_group(signal.SIGINT)
    assert worker.wait() == 0
    assert time.monotonic() - start < 5
    [ready] = json.loads(shop.umbel("-A", "shop", "messages", "list", "--json").stdout)
    assert (ready["id"], ready["deaths"]) == (task_id, 0)


def test_systemd_is_told(shop, working):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(shop.folder / "notify"))
        manager.settimeout(10)
        worker = working("-c", "1", env={"NOTIFY_SOCKET": str(shop.folder / "notify")})
        told = []
        until(lambda: told.append(manager.recv(64)) or {b"READY=1", b"WATCHDOG=1"} <= set(told))
        call(shop, "shop.hold", '["held.txt", 60]')
        until((shop.folder / "held.txt").exists)
        worker.send(signal.SIGTERM)
        until(lambda: told.append(manager.recv(64)) or b"STOPPING=1" in told)
        assert worker.alive, "it is told when the stop begins, not when it is over"
        assert worker.stop() == 0


def test_health_follows_the_worker(shop, working):
    assert shop.umbel("health", "-n", "w1@here").returncode == 1
    worker = working("-c", "1", "-n", "w1@here")
    until(lambda: shop.umbel("health", "-n", "w1@here", "--ready").returncode == 0)
    shop.write("shop.py", "raise SystemExit('imported')")  # a probe imports no app
    said = shop.umbel("-A", "shop", "health", "-n", "w1@here", "--live", "--json")
    assert (said.returncode, json.loads(said.stdout)["beat"]["pid"]) == (0, worker.pid)
    worker.send(signal.SIGKILL)
    worker.wait()
    assert shop.umbel("health", "-n", "w1@here").returncode == 1


@pytest.mark.alone
def test_health_answers_at_once(shop):
    def fast():
        slow, start = slowness(), time.monotonic()
        shop.umbel("health")
        return time.monotonic() - start < 0.2 * slow

    assert any(fast() for _ in range(20))


def test_lines_of_a_task_carry_its_name_and_id(shop, working):
    worker = working("-c", "1")
    task_id = call(shop, "shop.say", '["hello"]', "--wait", "10").stdout.splitlines()[0]
    line = next(row for row in worker.until_output("the word is").splitlines() if "the word is" in row)
    assert line.endswith(f"INFO/ForkPoolWorker-1] shop.say[{task_id}]: the word is hello")
    assert worker.stop() == 0


def test_logs_as_json_carry_them_too(shop):
    shop.write("quiet.py", "import shop\napp = shop.app\napp.conf.worker_log_json = True\n")
    worker = shop.worker("quiet", "-l", "INFO", "-c", "1", "-f", "worker.log")
    log = shop.folder / "worker.log"
    until(lambda: log.exists() and "ready." in log.read_text(), timeout=20)
    task_id = call(shop, "shop.say", '["hello"]', "--wait", "10").stdout.splitlines()[0]
    until(lambda: "the word is" in log.read_text())
    lines = [json.loads(row) for row in log.read_text().splitlines()]
    [said] = [line for line in lines if line["message"] == "the word is hello"]
    assert (said["task_id"], said["task_name"], said["level"]) == (task_id, "shop.say", "INFO")
    assert worker.stop() == 0


INSIDE = """
mount -t proc proc /proc 2>/dev/null
exec umbel -q -A shop worker -c 1 -l INFO -I more
"""


def test_as_process_1_of_a_container(shop):
    enter = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "bash", "-c"]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process namespace may be made here")
    shop.write("more.py", "from shop import app\n" + ORPHAN)
    container = shop.processes.start(*enter, INSIDE)
    container.until_output("ready.", timeout=20)
    [first] = [pid for pid in container.children() if parent(pid) == container.pid]
    done = call(shop, "more.leave_an_orphan", "[]", "--wait", "10")
    assert done.returncode == 0, done
    until((shop.folder / "orphan.txt").exists)
    until(lambda: not zombies(first), lambda: f"zombies of {first}: {zombies(first)}")
    os.kill(first, signal.SIGTERM)
    assert container.wait() == 0


ORPHAN = """
import subprocess
@app.task
def leave_an_orphan():
    subprocess.run(["bash", "-c", "(sleep 0.2; echo gone > orphan.txt) & exit"], check=True)
"""


def zombies(pid):
    """Dead children of a process that it has not collected."""
    rows = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [row for row in rows.stdout.splitlines() if row.split()[1].startswith("Z")]
