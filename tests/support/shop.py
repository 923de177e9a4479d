"""One program twice, as Celery has it and as umbel has it, and processes of both on one server."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from umbel.message import Parcel

from .until import until

TASKS = """
    import os, sys, time
    from {module} import {name}

    app = {name}("shop", broker={broker!r}, backend={backend!r})

    @app.task(name="shop.add")
    def add(x, y):
        return x + y

    @app.task(name="shop.fail")
    def fail(word):
        raise LookupError(word)

    @app.task(name="shop.note")
    def note(path, number):
        with open(path, "a") as file:
            file.write(f"{{number}} {module}\\n")

    @app.task(name="shop.again", bind=True, max_retries=3)
    def again(self):
        if self.request.retries < 2:
            raise self.retry(countdown=0.3)
        return self.request.retries

    @app.task(name="shop.behind")
    def behind(x, y, gate):
        while not os.path.exists(gate):
            time.sleep(0.05)
        return x + y

    @app.task(name="shop.more", bind=True)
    def more(self, x, y, queue):
        self.add_to_chord(add.s(x, y).set(queue=queue))
        return 0

    @app.task(name="shop.total")
    def total(numbers, path):
        note(path, sum(numbers))
        return sum(numbers)

    @app.task(name="shop.same")
    def same(value):
        return value

    @app.task(name="shop.hear")
    def hear(request, error, traceback, path):
        note(path, type(error).__name__)
"""
CALLS = """
    import json
    from {module} import add, again, app, fail, note
    values = [add.delay(2, 3).get(timeout=30), again.delay().get(timeout=30)]
    values.append(add.apply_async((4, 4), countdown=1).get(timeout=30))
    values += [add.apply_async((p, 0), priority=p).get(timeout=30) for p in (0, 3, 5, 9)]
    try:
        fail.delay("out of stock").get(timeout=30)
    except LookupError as error:
        values.append(str(error))
    print(json.dumps(values))
"""
EXPECTED = [5, 2, 8, 0, 3, 5, 9, "out of stock"]
SEND = "from {} import note\nfor number in range({}, {}): note.delay({!r}, number)"


def noted(number: int, path: Path | str) -> Parcel:
    """The message of ``shop.note(path, number)``, for a test that publishes by itself; its id is ``n{number}``."""
    head = {
        "headers": {"lang": "py", "task": "shop.note", "id": f"n{number}", "retries": 0},
        "properties": {"correlation_id": f"n{number}", "delivery_info": {"exchange": "", "routing_key": "celery"}},
        "content-type": "application/json", "content-encoding": "utf-8",
    }  # fmt: skip
    body = json.dumps([[str(path), number], {}, {}]).encode()
    return Parcel("celery", f"n{number}", "shop.note", json.dumps(head).encode(), body)


class Shop:
    """Modules ``with_celery`` and ``with_umbel`` in a project, with the same tasks.

    Args:
        project: the fixture.
        broker: URL of the messages.
        backend: URL of the results.
    """

    def __init__(self, project, broker: str, backend: str) -> None:
        self.project = project
        self.processes = project.processes
        for module, name in (("celery", "Celery"), ("umbel", "Umbel")):
            source = TASKS.format(module=module, name=name, broker=broker, backend=backend)
            project.write(f"with_{module}.py", source)

    def celery_worker(self, *options: str):
        """Celery's, ready."""
        worker = self.project.celery_worker("with_celery", "-c", "2", "-l", "info", *options)
        worker.until_output("ready.", timeout=60)
        return worker

    def umbel_worker(self, *options: str):
        """Umbel's, ready."""
        worker = self.project.forked_worker("with_umbel", "-c", "2", "-l", "info", *options)
        worker.until_output("ready.", timeout=60)
        return worker

    def called_from(self, module: str) -> list[object]:
        """What a client in that module gets: `EXPECTED`, whoever the worker is."""
        said = self.project.client(CALLS.format(module=module), of=module.removeprefix("with_"))
        assert said.returncode == 0, said
        return json.loads(said.stdout)

    def drain(self, path, each: int) -> Counter[int]:
        """Sent by both, run by a worker of both side by side: how often each number was run."""
        for module, start in (("celery", 0), ("umbel", each)):
            said = self.project.client(SEND.format(f"with_{module}", start, start + each, str(path)), of=module)
            assert said.returncode == 0, said
        workers = [self.celery_worker(), self.umbel_worker()]
        total = 2 * each

        def done():
            return path.exists() and path.read_text().count("\n") >= total

        until(done, lambda: "\n".join(worker.output()[-2000:] for worker in workers), timeout=120)
        ran = [line.split() for line in path.read_text().splitlines()]
        return Counter(int(number) for number, _ in ran)
