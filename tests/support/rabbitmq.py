"""A real RabbitMQ for tests: a private node on private ports, in its own folder, ended by pid."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

from .servers import end, free_port, program
from .until import until


class RabbitMQ:
    """One RabbitMQ node of its own, with an epmd of its own. It starts in about 7 s: one for a whole session of tests.

    The programs in /usr/lib/rabbitmq/bin run as any user; those in /usr/sbin would switch it.

    Attributes:
        port: TCP port of AMQP on 127.0.0.1, the same after a restart.
        tls_port: TCP port of AMQP over TLS, with ``certificates`` only.
        management_port: TCP port of the HTTP API, with ``management`` only.
    """

    BIN = Path("/usr/lib/rabbitmq/bin")
    WATERMARK = "512MB"

    def __init__(self, folder: Path, *, management: bool = False, certificates: Path | None = None) -> None:
        """Prepare a node; nothing runs yet.

        Args:
            folder: empty; everything that the node writes is in it.
            management: with the management plugin and its HTTP API.
            certificates: folder with ca.pem, server.pem and server.key, for a listener with TLS.
        """
        self._script = program(str(self.BIN / "rabbitmq-server"), "rabbitmq-server")
        self.folder = folder
        self._management, self._certificates = management, certificates
        self._epmd: subprocess.Popen[bytes] | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._vhosts = count()
        self._ports: tuple[int, ...] = ()
        self._cookie = secrets.token_hex(12)
        cookie = folder / ".erlang.cookie"
        cookie.write_text(self._cookie)
        cookie.chmod(0o400)

    @property
    def port(self) -> int:
        return self._ports[0]

    @property
    def tls_port(self) -> int:
        return self._ports[1]

    @property
    def management_port(self) -> int:
        return self._ports[2]

    @property
    def url(self) -> str:
        """URL of the default vhost, for clients."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def pid(self) -> int:
        """Of the node itself, which is a child of the script that starts it."""
        return int((self.folder / "rabbit.pid").read_text(encoding="ascii"))

    def vhost(self) -> str:
        """Create an empty vhost, in some ten milliseconds; returns its URL."""
        name = f"place-{next(self._vhosts)}"
        self.eval(
            f'ok = rabbit_vhost:add(<<"{name}">>, <<"tests">>),'
            f'ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>,'
            ' <<".*">>, <<".*">>, <<".*">>, <<"tests">>).'
        )
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Remove a vhost with all that is in it. Each that stays makes the next one dearer: the first costs 25 ms of
        processor time, the hundredth 75 ms.
        """
        self.eval(f'rabbit_vhost:delete(<<"{url.rpartition("/")[2]}">>, <<"tests">>).')

    @contextlib.contextmanager
    def place(self) -> Iterator[str]:
        """URL of an empty vhost for the time of a ``with`` block."""
        url = self.vhost()
        try:
            yield url
        finally:
            self.drop(url)

    def eval(self, erlang: str) -> str:
        """Evaluate Erlang expressions in the node, which end with a full stop; returns the last value as text.

        Much faster than `ctl`: no runtime is started for it.
        """
        command = [program("erl_call", "erlang-base"), "-sname", self._node, "-c", self._cookie, "-e"]
        for _ in range(10):
            done = subprocess.run(
                command, input=f"{erlang}\n", env=self._env(), capture_output=True, text=True, timeout=30, check=False
            )
            if "failed to connect" not in done.stderr:  # once in some hundred calls, and nothing was evaluated
                break
        assert done.stdout.startswith("{ok,"), f"{erlang}\n{done.stdout}{done.stderr}"
        return done.stdout[len("{ok, ") : -1]

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl``, for a second or two; returns what it prints."""
        command = [str(self.BIN / "rabbitmqctl"), "-n", self._node, "-q", *arguments]
        done = subprocess.run(command, env=self._env(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def memory_alarm(self) -> Iterator[None]:
        """The time of a ``with`` block, during which the node takes no more messages because its memory is full."""
        self._watermark("0.0", wanted=True)
        try:
            yield
        finally:
            self._watermark(f'{{absolute, "{self.WATERMARK}"}}', wanted=False)

    def start(self) -> RabbitMQ:
        """Start it (again, on the ports it had, with what it has stored) and wait until it takes connections."""
        for _ in range(5):  # somebody else may take a port between our look and its bind
            ports = self._ports
            self._ports = ports or tuple(free_port() for _ in range(5))
            self._configure()
            with (self.folder / "rabbit.log").open("ab") as log:
                self._epmd = self._spawn(log, program("epmd", "erlang-base"))
                self._popen = self._spawn(log, self._script)
            if until(self._up, self.log, timeout=90) == "answers":
                return self
            self.kill()
            self._ports = ports
        raise AssertionError(f"rabbitmq-server does not start:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "rabbit.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def kill(self) -> None:
        """SIGKILL, as a crash would be; what was durable is there at the next start."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a system would, which takes some seconds; harmless when it is not running."""
        self._end(signal.SIGTERM)

    @property
    def _node(self) -> str:
        return f"rabbit-{self.port}@localhost"

    def _watermark(self, limit: str, *, wanted: bool) -> None:
        self.eval(f"vm_memory_monitor:set_vm_memory_high_watermark({limit}).")
        alarms = "lists:member({{resource_limit, memory, node()}, []}, rabbit_alarm:get_alarms())."
        until(lambda: self.eval(alarms) == str(wanted).lower(), f"an alarm that is {wanted}")

    def _configure(self) -> None:
        for name in ("mnesia", "log", "generated", "schema"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "rabbitmq-env.conf").touch()
        plugins = "rabbitmq_management" if self._management else ""
        (self.folder / "enabled_plugins").write_text(f"[{plugins}].\n")
        lines = [f"vm_memory_high_watermark.absolute = {self.WATERMARK}", "disk_free_limit.absolute = 50MB"]
        if self._management:
            lines += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {self.management_port}"]
        if self._certificates is not None:
            lines += [f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}"]
            files = {"cacertfile": "ca.pem", "certfile": "server.pem", "keyfile": "server.key"}
            lines += [f"ssl_options.{option} = {self._certificates / file}" for option, file in files.items()]
            lines += ["ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = false"]
        (self.folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")

    def _env(self) -> dict[str, str]:
        port, _, _, distribution, epmd = self._ports
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        places = {
            "MNESIA_BASE": "mnesia",
            "LOG_BASE": "log",
            "PID_FILE": "rabbit.pid",
            "CONFIG_FILE": "rabbitmq.conf",
            "ADVANCED_CONFIG_FILE": "advanced.config",
            "GENERATED_CONFIG_DIR": "generated",
            "SCHEMA_DIR": "schema",
            "CONF_ENV_FILE": "rabbitmq-env.conf",
            "ENABLED_PLUGINS_FILE": "enabled_plugins",
        }
        return {
            **kept,
            **{f"RABBITMQ_{name}": str(self.folder / place) for name, place in places.items()},
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
        }

    def _spawn(self, log: IO[bytes], command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [command], env=self._env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def _end(self, number: int) -> None:
        if self._popen is not None:
            end(self._popen, number, group=True)
            until(lambda: not self._listens(), "the port to be free again")  # the script may end before its node
        if self._epmd is not None:
            end(self._epmd, number)
        self._popen = self._epmd = None

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    def _up(self) -> str:
        """Whether it ``answers`` or has ``ended``; empty while neither is true."""
        if self._popen is None or self._popen.poll() is not None:
            return "ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"AMQP\0\0\x09\x01")
            return "answers" if connection.recv(16).startswith(b"\x01\0\0") else ""
        return ""


@contextlib.contextmanager
def rabbitmq_server(folder: Path, *, management: bool = False, certificates: Path | None = None) -> Iterator[RabbitMQ]:
    """A RabbitMQ node for the time of a ``with`` block; arguments as for `RabbitMQ`."""
    server = RabbitMQ(folder, management=management, certificates=certificates)
    try:
        yield server.start()
    finally:
        server.kill()  # nobody needs what it has stored, and a clean stop takes seconds
