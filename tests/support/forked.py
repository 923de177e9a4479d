"""Programs in processes of their own, of an interpreter that has imported already what they import.

Half a second of a client, and of a worker, is its imports. Here they are made once: an interpreter with umbel, or with
Celery, waits for programs and forks a process for each, in the folder and with the environment of its test. For those
that call and work; what is imported when, and what a start is like, is for `Processes.run` and `Processes.start`.

    clients = Interpreter("umbel.app", "umbel.adapters.redis.broker")
    done = clients.run("print(1 + 1)", folder, env)
    assert (done.returncode, done.stdout) == (0, "2\n")
    clients.close()
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any

UMBEL = (
    "umbel.app", "umbel.canvas", "umbel.adapters.sqlite", "umbel.adapters.redis.broker", "umbel.adapters.amqp.broker",
    "umbel.adapters.amqp.rpc", "importlib.metadata",
)  # fmt: skip
CELERY = (
    "celery.app.base", "celery.app.amqp", "celery.app.control", "celery.canvas", "celery.result", "celery.loaders.app",
    "celery.apps.worker", "celery.bin.celery", "celery.concurrency.prefork", "celery.worker.worker",
    "celery.backends.database", "celery.backends.redis", "celery.backends.rpc", "kombu.transport.memory",
    "kombu.transport.pyamqp", "kombu.transport.redis",
)  # fmt: skip
WORKER = (
    *UMBEL, "umbel.cli.group", "umbel.cli.worker", "umbel.worker.supervisor",
)  # fmt: skip
"""What clients of each import, and what a worker does; an interpreter has one of them, because a program sees
what is imported.
"""


class Interpreter:
    """One that waits for programs; it is started by the first.

    Args:
        modules: what it imports, and nothing else but the standard library.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[str] | None = None

    def run(
        self, code: str, folder: Path, env: Mapping[str, str], *, timeout: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, as ``python -c CODE`` would; the caller judges the exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end within so many seconds, and was killed.
        """
        job = {"code": code, "argv": ["-c"], "folder": str(folder), "env": dict(env), "timeout": timeout}
        number, out, err = self.ask(job)
        if number is None:
            raise subprocess.TimeoutExpired(code, timeout, out, err)
        return subprocess.CompletedProcess(["-c", code], number, out, err)

    def start(self, code: str, argv: list[str], folder: Path, env: Mapping[str, str], log: Path) -> Forked:
        """Start a program that leads a session of its own.

        Args:
            code: its text; its first argument says where that would stand.
            argv: its arguments.
            folder: where it runs.
            env: its environment.
            log: the file that its output goes to.
        """
        job = {"code": code, "argv": argv, "folder": str(folder), "env": dict(env), "log": str(log)}
        return Forked(self, int(self.ask(job)))

    def ask(self, job: Mapping[str, object]) -> Any:
        """What the interpreter answers."""
        with self._lock:
            popen = self._popen = self._popen or self._started()
            assert popen.stdin
            assert popen.stdout
            popen.stdin.write(json.dumps(job) + "\n")
            popen.stdin.flush()
            line = popen.stdout.readline()
        assert line, "the interpreter of the forked programs has ended"
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        if self._popen is not None:
            self._popen.communicate()  # it ends at the end of its input
            self._popen = None

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", __name__, *self._modules]
        top = str(Path(__file__).resolve().parents[2])
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=top)


class Forked:
    """A program that was started, as `subprocess.Popen` has it; nobody else gets its pid before its end was seen here.

    Attributes:
        pid: of its process, its group and its session.
    """

    stdin = None

    def __init__(self, interpreter: Interpreter, pid: int) -> None:
        self.pid = pid
        self._interpreter = interpreter
        self._code: int | None = None

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        if self._code is None:
            self._code = self._interpreter.ask({"poll": self.pid})
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end within so many seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.002
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def serve() -> dict[str, Any] | None:
    """Fork for the lines of standard input; returns the job in a child, and None at the end of the input."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        if "poll" in job:
            found, status = os.waitpid(job["poll"], os.WNOHANG)
            say(os.waitstatus_to_exitcode(status) if found else None)
        elif "log" in job:
            with open(job["log"], "wb") as log:  # noqa: PTH123 - the same for both kinds
                pid = forked(log, log)
                if pid == 0:
                    os.setsid()
                    return job
            say(pid)
        else:
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                pid = forked(out, err)
                if pid == 0:
                    return job
                code = ended(pid, time.monotonic() + job["timeout"])
                say([code, *(os.pread(file.fileno(), 2**24, 0).decode(errors="replace") for file in (out, err))])
    return None


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def forked(out: IO[bytes], err: IO[bytes]) -> int:
    """A child that writes there; returns its pid, and 0 in the child."""
    pid = os.fork()
    if pid == 0:
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), out.fileno(), err.fileno())):
            os.dup2(file, number)
    return pid


def ended(pid: int, deadline: float) -> int | None:
    """Exit code of a child; None when it had to be killed."""
    while (left := deadline - time.monotonic()) > 0:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        signal.sigtimedwait([signal.SIGCHLD], left)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def become(job: dict[str, Any], path: list[str]) -> int:
    """Be what a start of that program is, in its folder and environment; returns the exit code."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["env"])
    sys.argv = job["argv"]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]
    sys.path[:] = [
        os.path.dirname(sys.argv[0]),  # noqa: PTH120 - nothing for "-c"
        *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
        *path,
    ]
    sys.path_importer_cache.clear()
    main = sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(compile(job["code"], "<string>", "exec"), main.__dict__)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        traceback.print_exception(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next))
        return 1
    return 0


def leave(code: int) -> None:
    """End as Python ends, but do not take apart what was imported: that costs more than most programs."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    own = sys.path[1:]  # without the folder that it was started in
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a child need not copy what its collector looks at
    if found := serve():
        leave(become(found, own))
