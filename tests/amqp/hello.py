"""A user's first program over RabbitMQ, results in a SQLite file."""

from __future__ import annotations

HELLO = """
    import os, time
    from umbel import Umbel

    app = Umbel("hello", broker={url!r}, backend="sqlite:///{results}")

    @app.task
    def add(x, y):
        return x + y

    @app.task
    def hold(path, seconds):
        with open(path, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        time.sleep(seconds)
        return "held"

    @app.task(bind=True, max_retries=2)
    def again(self, path):
        with open(path, "a") as file:
            file.write(f"{{self.request.retries}}\\n")
        if self.request.retries < 2:
            raise self.retry(countdown=0.2)
        return "at last"

    @app.task
    def jot(text, path):
        with open(path, "a") as file:
            file.write(f"{{text}}\\n")

    @app.task(acks_late=False)
    def jot_early(text, path):
        jot(text, path)

    @app.task(acks_late=False)
    def once(path):
        with open(path, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        time.sleep(60)
"""


def lines(path):
    """The words of a file, none when it is not there."""
    return path.read_text().split() if path.exists() else []
