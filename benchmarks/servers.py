"""Servers that a contestant needs beside its worker: on free ports, in the run's folder, ended by pid."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import Died, Process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[tuple[str, int]]:
    """A Redis server of our own on a free port, without persistence: its URL and its pid, by which it is ended."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit(
            "redis-server is missing: apt-get install -y redis-server, or name who needs none: --only umbel,huey,bare"
        )
    argv = [program, "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no", "--port"]
    port, server = _started(argv, folder / "redis.log")
    try:
        yield f"redis://127.0.0.1:{port}/0", server.pid
    finally:
        server.stop()


@contextlib.contextmanager
def rabbitmq_server(folder: Path) -> Iterator[tuple[str, int]]:
    """A RabbitMQ node of our own on free ports: its URL and its pid; it is ended with the script that started it."""
    program, epmd = Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("epmd")
    if not program.exists() or epmd is None:
        raise SystemExit("rabbitmq-server is missing: apt-get install -y rabbitmq-server")
    home = folder / "rabbitmq"
    home.mkdir()
    cookie = home / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(12))
    cookie.chmod(0o400)
    (home / "rabbitmq-env.conf").touch()
    (home / "enabled_plugins").write_text("[].\n")
    (home / "rabbitmq.conf").write_text("vm_memory_high_watermark.absolute = 2GB\ndisk_free_limit.absolute = 50MB\n")
    port, other, third = (_free_port() for _ in range(3))
    env = _node(home, port, other, third)
    names = Process([epmd], env, home / "epmd.log")
    node = Process([str(program)], env, home / "rabbitmq.log")
    try:
        _await_port(node, port, 90)
        yield f"amqp://guest:guest@127.0.0.1:{port}//", int((home / "rabbit.pid").read_text())
    finally:
        node.kill()  # nothing of it is kept, and a clean end takes eight seconds
        names.kill()


def _node(home: Path, port: int, distribution: int, epmd: int) -> dict[str, str]:
    """The environment that gives a node a folder and ports of its own, without the user's settings for RabbitMQ."""
    places = {
        "MNESIA_BASE": "mnesia", "LOG_BASE": "log", "PID_FILE": "rabbit.pid", "CONFIG_FILE": "rabbitmq.conf",
        "ADVANCED_CONFIG_FILE": "advanced.config", "GENERATED_CONFIG_DIR": "generated", "SCHEMA_DIR": "schema",
        "CONF_ENV_FILE": "rabbitmq-env.conf", "ENABLED_PLUGINS_FILE": "enabled_plugins",
    }  # fmt: skip
    return {
        **{name: "" for name in os.environ if name.startswith("RABBITMQ_")},
        **{f"RABBITMQ_{name}": str(home / place) for name, place in places.items()},
        "RABBITMQ_NODENAME": f"bench-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
        "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
    }


def _started(argv: list[str], log: Path) -> tuple[int, Process]:
    """The server on a free port; somebody else may take it between our look and its bind, so there are three tries."""
    for left in (2, 1, 0):
        port = _free_port()
        server = Process([*argv, str(port)], {}, log)
        try:
            _await_port(server, port)
            return port, server
        except Died:
            if not left:
                raise
    raise AssertionError("the last try returned or raised")


def _await_port(server: Process, port: int, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        server.check()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            server.stop()
            raise TimeoutError(f"{server.argv[0]} did not open its port within {seconds:g} s")
        time.sleep(0.02)
