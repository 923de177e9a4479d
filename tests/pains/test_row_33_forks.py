"""Row 33: tasks may start processes of their own, nothing opened before the fork is shared, and spawn is an option."""

from __future__ import annotations

from typing import Any

CODE = """
    import multiprocessing, os, subprocess, threading
    from pains import app

    parent = os.getpid()
    lock = threading.Lock()

    def square(number):
        return number * number

    @app.task
    def spread(count):
        with multiprocessing.get_context({kind!r}).Pool(2) as pool:
            return pool.map(square, range(count))

    @app.task
    def terminated():
        process = subprocess.Popen(["sleep", "600"])
        process.terminate()
        return process.wait(timeout=5)

    @app.task
    def imported_here():
        return parent == os.getpid()

    @app.task
    def nested():
        from pains import add
        return add.delay(1, 2).id
"""


def test_a_task_may_use_a_pool_of_processes(pains: Any, project: Any) -> None:
    project.write("forking.py", CODE.format(kind="fork"))
    worker = project.worker("forking", "-l", "INFO", "-c", "2")
    worker.until_output("ready.", timeout=20)
    results = [pains.app.send_task("forking.spread", (5,)) for _ in range(4)]
    assert [result.get(timeout=30) for result in results] == [[0, 1, 4, 9, 16]] * 4
    assert pains.app.send_task("forking.imported_here").get(timeout=20) is False
    assert pains.app.send_task("forking.terminated").get(timeout=20) == -15


def test_a_client_used_before_the_fork_works_in_every_child(pains: Any, project: Any) -> None:
    used = CODE.format(kind="fork") + "\n    from pains import add\n    add.apply_async((0, 0), countdown=3600)\n"
    project.write("forking.py", used)
    worker = project.worker("forking", "-l", "INFO", "-c", "2")
    worker.until_output("ready.", timeout=20)
    ids = [pains.app.send_task("forking.nested").get(timeout=20) for _ in range(6)]
    assert [pains.app.AsyncResult(one).get(timeout=20) for one in ids] == [3] * 6


def test_spawned_children_import_for_themselves(pains: Any, project: Any) -> None:
    project.write("forking.py", CODE.format(kind="fork") + "\n    app.conf.worker_pool_start_method = 'spawn'\n")
    worker = project.worker("forking", "-l", "INFO", "-c", "2")
    worker.until_output("ready.", timeout=40)
    assert pains.app.send_task("forking.imported_here").get(timeout=20) is True
