"""Row 54: the application's logging is the same in the worker as anywhere, and its lines can carry the task id."""

from __future__ import annotations

from typing import Any

CODE = """
    import logging, logging.config, sys
    from pains import app

    logging.config.dictConfig({
        "version": 1, "disable_existing_loggers": False,
        "formatters": {"mine": {"format": "MINE %(levelname)s %(name)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": "app.log", "formatter": "mine"}},
        "root": {"handlers": ["file"], "level": "INFO"},
    })

    def shape():
        root = logging.getLogger()
        return [root.level, [type(one).__name__ for one in root.handlers], type(sys.stdout).__name__]

    @app.task
    def speak(word):
        logging.getLogger("shop").info("sold %s", word)
        return shape()

    if __name__ == "__main__":
        logging.getLogger("shop").info("sold %s", "apple")
        print(shape())
"""


def test_the_root_logger_is_not_touched(pains: Any, project: Any) -> None:
    project.write("logs.py", CODE)
    outside = project.processes.run("logs.py")
    path = project.folder / "app.log"
    plain = [line for line in path.read_text().splitlines() if " shop " in line]
    path.unlink()
    worker = project.worker("logs", "-l", "INFO", "-c", "1")
    worker.until_output("ready.", timeout=20)
    shape = pains.app.send_task("logs.speak", ("apple",)).get(timeout=20)
    assert repr(shape) == outside.stdout.strip()
    assert (
        [line for line in path.read_text().splitlines() if " shop " in line] == plain == ["MINE INFO shop sold apple"]
    )
