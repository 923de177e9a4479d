"""Servers for tests: private, ended by pid, and never silently missing."""

from __future__ import annotations

import socket

import pytest

from tests.support import processes, servers


@pytest.fixture
def redis(tmp_path):
    with servers.redis_server(tmp_path) as server:
        yield server


def ping(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16)


def test_a_server_answers_on_its_own_port(redis):
    assert redis.port != 6379
    assert ping(redis.port) == b"+PONG\r\n"


def test_a_killed_server_comes_back_on_the_same_port(redis):
    port, pid = redis.port, redis.pid
    redis.kill()
    assert not processes.alive(pid)
    assert redis.start().port == port
    assert ping(port) == b"+PONG\r\n"


def test_the_end_of_the_block_ends_the_server(tmp_path):
    with servers.redis_server(tmp_path) as server:
        pid = server.pid
        assert processes.alive(pid)
    assert not processes.alive(pid)


def test_a_missing_program_is_a_skip_on_a_laptop(monkeypatch):
    monkeypatch.delenv("UMBEL_REQUIRE_SERVICES", raising=False)
    with pytest.raises(BaseException, match="sudo apt-get install some-server") as caught:
        servers.program("no-such-program", "some-server")
    assert caught.type is pytest.skip.Exception


def test_a_missing_program_is_a_failure_where_services_are_required(monkeypatch):
    monkeypatch.setenv("UMBEL_REQUIRE_SERVICES", "1")
    with pytest.raises(BaseException, match="sudo apt-get install no-such-program") as caught:
        servers.program("no-such-program")
    assert caught.type is pytest.fail.Exception
