"""One task for every worker: umbel's and Celery's side by side, whoever sends it."""

from __future__ import annotations

from collections import Counter

from tests.support.until import until

PROGRAM = """
    {imports}

    app = {name}("shop", broker={url!r})
    app.conf.task_ignore_result = True
    app.conf.task_queues = [Queue("celery"), Broadcast("news")]

    @app.task(name="shop.note", bind=True)
    def note(self, path, word):
        with open(path, "a") as file:
            file.write(f"{{self.request.hostname}} {{word}}\\n")
"""
IMPORTS = {
    "umbel": "from umbel import Umbel; from umbel.routing import Broadcast, Queue",
    "celery": "from celery import Celery; from kombu import Queue; from kombu.common import Broadcast",
}


class Shop:
    """The program as umbel has it and as Celery has it, with two umbel workers and one of Celery's."""

    def __init__(self, project, url):
        self._project = project
        self.path = project.folder / "done"
        for module, imports in IMPORTS.items():
            text = PROGRAM.format(imports=imports, name=module.capitalize(), url=url)
            project.write(f"with_{module}.py", text)
        self.workers = [
            project.forked_worker("with_umbel", "-c", "2", "-l", "info", "-n", "one@here"),
            project.forked_worker("with_umbel", "-c", "1", "-l", "info", "-n", "two@here"),
            project.celery_worker("with_celery", "-c", "1", "-l", "info", "-n", "three@here"),
        ]
        for worker in self.workers:
            worker.until_output("ready.", timeout=90)

    def send(self, module, word, options="queue='news'"):
        """In a client of its own; how that ended. Celery's has to be told to declare the exchange: it takes it for a
        direct one otherwise, and Redis has nobody who knows better.
        """
        if module == "celery":
            options += ", declare=[app.amqp.queues['news'].exchange]"
        code = f"from with_{module} import *\nnote.apply_async(({str(self.path)!r}, {word!r}), {options})"
        return self._project.client(code, of=module)

    def ran(self):
        return Counter(self.path.read_text().splitlines()) if self.path.exists() else Counter()

    def until_ran(self, *words):
        """These were noted, once each and nothing else; then all is forgotten."""
        expected = Counter(words)
        until(lambda: self.ran() >= expected, self.told, timeout=60)
        assert self.ran() == expected, self.told()
        self.path.unlink()

    def told(self):
        return f"{self.ran()}\n" + "\n".join(each.output() for each in self.workers)


def each_worker_gets_it_once(shop):
    """Whoever sends it, also later; and whoever has ended gets nothing and keeps nothing.

    Args:
        shop: with its workers.

    Returns:
        what is said when no worker is there.
    """
    everybody = ("one@here", "two@here", "three@here")
    for module in IMPORTS:
        said = shop.send(module, module)
        assert said.returncode == 0, said
    shop.send("umbel", "later", "queue='news', countdown=1")
    shop.until_ran(*(f"{who} {word}" for who in everybody for word in (*IMPORTS, "later")))
    assert shop.workers[1].stop() == 0
    shop.send("umbel", "again")
    shop.until_ran("one@here again", "three@here again")
    for worker in (shop.workers[0], shop.workers[2]):
        assert worker.stop() == 0
    said = shop.send("umbel", "lost")
    assert said.returncode == 1
    return said.stderr
