"""One connection over a real server: replies, deadlines, what is repeated and what is not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.support import servers
from tests.support.until import until
from umbel.adapters.redis import scripts
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.faults import Unanswered
from umbel.adapters.redis.link import Link
from umbel.exceptions import (
    OperationalError,
    StoreDamaged,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnsuitable,
)


def linked(url, **options):
    return Link(Address.parse(url, options))


@pytest.fixture
def counting(monkeypatch, tmp_path):
    """A script called ``count`` in a folder of its own."""
    (tmp_path / "step.lua").write_text("local function step(key) return redis.call('INCR', key) end\n")
    (tmp_path / "count.lua").write_text("-- include: step\nreturn {step(KEYS[1]), ARGV[1]}\n")
    monkeypatch.setattr(scripts, "_HERE", tmp_path)
    scripts.script.cache_clear()
    yield "count"
    scripts.script.cache_clear()


@pytest.fixture
def silent():
    """A port on 127.0.0.1 where somebody accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_words_of_every_kind_come_back_as_bytes(link):
    assert link.call("SET", b"a\x00\r\n", "é") == b"OK"
    assert link.call("GET", b"a\x00\r\n") == "é".encode()
    assert link.call("INCRBY", "n", 3) == 3
    assert link.call("GET", "nobody") is None
    assert float(link.call("INCRBYFLOAT", "f", 0.5)) == 0.5


def test_a_reply_of_many_megabytes(link):
    value = os.urandom(1 << 20) * 24
    link.call("SET", "big", value)
    assert link.call("GET", "big") == value


def test_many_commands_are_one_round_trip_in_order(link):
    replies = link.many([("RPUSH", "list", number) for number in range(5000)])
    assert replies == list(range(1, 5001))
    assert link.many([]) == []


def test_an_error_among_many_is_raised_and_the_connection_stays_in_step(link):
    with pytest.raises(StoreDamaged, match="another type"):
        link.many([("SET", "a", 1), ("LPUSH", "a", 1), ("SET", "b", 2)])
    assert link.call("GET", "b") == b"2"


def test_a_database_of_its_own(url):
    link, other = linked(url), linked(url.removesuffix("0") + "5")
    link.call("SET", "a", 1)
    assert other.call("GET", "a") is None
    link.close()
    other.close()


def test_another_kind_of_server_behind_the_port():
    """For instance RabbitMQ, which answers with a greeting of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"AMQP\0\0\x09\x01")

        thread = threading.Thread(target=greet)
        thread.start()
        link = linked(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        with pytest.raises(StoreUnsuitable, match="does not speak Redis's protocol; check the port"):
            link.call("PING")
        thread.join(30)


def test_a_password_for_a_server_that_has_none(url):
    link = linked(url.replace("://", "://:secret@"))
    with pytest.raises(StoreUnavailable, match="has no password, and the URL has one; leave it out") as caught:
        link.call("PING")
    assert "secret" not in str(caught.value)


def test_a_unix_socket(redis_server, url):
    link = linked(f"redis+socket://{redis_server.socket}")
    assert link.call("PING") == b"PONG"
    link.close()


def test_a_script_is_sent_once_and_again_after_it_was_forgotten(link, counting):
    assert link.script(counting, ["k"], ["x"]) == [1, b"x"]
    assert link.script(counting, ["k"], ["x"]) == [2, b"x"]
    link.call("SCRIPT", "FLUSH")
    assert link.script(counting, ["k"], ["x"]) == [3, b"x"]
    assert link.call("SCRIPT", "EXISTS", scripts.script(counting).digest) == [1]


def test_a_server_that_accepts_and_never_answers_costs_the_deadline_once(silent):
    link = linked(f"redis://127.0.0.1:{silent}")
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        link.call("SET", "a", 1, timeout=0.3)
    assert 0.25 < time.monotonic() - started < 2


def test_a_server_that_drips_cannot_stretch_the_deadline():
    """Each byte would begin a time-out of single reads anew."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def drip():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"+OK\r\n+OK\r\n$1000000\r\n")
                while not over.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        link = linked(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(Unanswered):
            link.call("GET", "a", timeout=0.4)
        assert time.monotonic() - started < 2
        over.set()
        thread.join()


def test_nobody_listens_at_the_port():
    with pytest.raises(StoreUnavailable, match=r"Connection refused.*Check that the server runs"):
        linked(f"redis://127.0.0.1:{servers.free_port()}").call("PING")


def test_a_name_that_nobody_knows():
    with pytest.raises(StoreUnavailable, match="name was not resolved"):
        linked("redis://no-such-host.invalid").call("PING", timeout=3)


def test_a_stopped_server_costs_the_deadline_and_is_used_again_when_it_goes_on(own_server):
    link = linked(own_server.url)
    link.call("SET", "a", 0)
    os.kill(own_server.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(Unanswered, match="whether it was done is not known"):
        link.call("INCR", "a", timeout=0.3)
    assert time.monotonic() - started < 2
    with pytest.raises(StoreUnavailable):  # a new connection, which the kernel accepts and nobody answers
        link.call("GET", "a", timeout=0.3)
    os.kill(own_server.pid, signal.SIGCONT)
    assert link.call("GET", "a") == b"1", "it was done after all, once"
    link.close()


def test_a_connection_that_was_closed_while_idle_is_replaced(link, url):
    other = linked(url)
    link.call("PING")
    other.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert link.call("INCR", "n") == 1
    other.close()


def test_a_server_that_was_restarted_is_used_again(own_server):
    link = linked(own_server.url)
    link.call("PING")
    own_server.kill()
    with pytest.raises(StoreUnavailable):
        link.call("PING")
    own_server.start()
    assert link.call("PING") == b"PONG"
    link.close()


class Cutting:
    """In front of a server: the first ``cuts`` replies after the greeting are lost with their connection."""

    def __init__(self, port, cuts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        self._port, self._cuts = port, cuts
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self._port)) as server:
                server.sendall(client.recv(65536))
                until(lambda: server.recv(10, socket.MSG_PEEK) == b"+OK\r\n+OK\r\n")
                client.sendall(server.recv(65536))
                while data := client.recv(65536):
                    server.sendall(data)
                    reply = server.recv(65536)
                    if self._cuts:
                        self._cuts -= 1
                        break
                    client.sendall(reply)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join()


@pytest.fixture
def cut(redis_server, url):
    """A link whose first reply is lost."""
    cutting = Cutting(redis_server.port, 1)
    cut = linked(cutting.url)
    yield cut
    cut.close()
    cutting.close()


def test_a_write_whose_fate_is_unknown_is_not_repeated(cut, link):
    with pytest.raises(Unanswered, match="not known"):
        cut.call("INCR", "n")
    assert link.call("GET", "n") == b"1"
    assert cut.call("INCR", "n") == 2


def test_what_may_be_done_twice_is_repeated(cut, link):
    assert cut.call("SET", "n", 7, idempotent=True) == b"OK"
    assert link.call("GET", "n") == b"7"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_parent_and_child_both_go_on_with_connections_of_their_own(link):
    link.call("SET", "a", 1)
    descriptor = link.wire(link.until(1)).fileno()
    own = link.call("CLIENT", "ID")
    pid = os.fork()
    if not pid:
        code = 1
        try:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(descriptor)
            assert link.call("GET", "a") == b"1"
            assert link.call("CLIENT", "ID") != own
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert link.call("CLIENT", "ID") == own


def test_a_wrong_password_is_said_without_showing_it(tmp_path):
    with servers.redis_server(tmp_path) as server:
        link = linked(server.url)
        link.call("CONFIG", "SET", "requirepass", "right")
        for url in (server.url, server.url.replace("//", "//:hunter2@")):
            with pytest.raises(StoreUnavailable, match="refused the user name or password") as caught:
                linked(url).call("PING")
            assert "hunter2" not in str(caught.value)
        good = linked(server.url.replace("//", "//:right@"))
        assert good.call("PING") == b"PONG"
        good.close()
        link.close()


def test_a_user_who_may_not(redis_server, url, link):
    link.call("ACL", "SETUSER", "ann", "on", ">pw", "~*", "+get", "+select")
    ann = linked(url.replace("//", "//ann:pw@"))
    with pytest.raises(StoreUnsuitable, match="ACL SETUSER"):
        ann.call("SET", "a", 1)
    assert ann.call("GET", "a") is None
    ann.close()
    link.call("ACL", "DELUSER", "ann")


def test_a_server_without_room_and_one_that_is_read_only(own_server):
    link = linked(own_server.url)
    link.call("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreFull, match="maxmemory"):
        link.call("SET", "a", 1)
    link.call("CONFIG", "SET", "maxmemory", 0)
    link.call("REPLICAOF", "127.0.0.1", servers.free_port())
    with pytest.raises(StoreReadOnly, match="name the primary"):
        link.call("SET", "a", 1)
    link.close()


def test_a_database_that_the_server_does_not_have(url):
    with pytest.raises(StoreUnsuitable, match="lower number"):
        linked(url.removesuffix("0") + "999").call("PING")


def test_what_no_table_knows_is_told_in_the_server_s_words(link):
    with pytest.raises(OperationalError, match=r"redis://127.0.0.1:\d+/0 answered: ERR value is not an integer"):
        link.many([("SET", "a", "x"), ("INCR", "a")])


def test_a_closed_link_opens_again(link):
    link.close()
    link.close()
    assert link.call("PING") == b"PONG"


def test_a_program_without_redis_imports_nothing_of_it():
    code = "import sys, umbel.app; sys.exit(any(name in sys.modules for name in ('hiredis', 'redis', 'ssl')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_room_needs_no_client_library():
    code = "import sys, umbel.adapters.redis; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
