"""The bad network of `umbel.testing` in front of a server that answers each line with the number of lines so far."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.until import until
from umbel.testing.network import Network


class _Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.server.lines.append(line.strip().decode())  # type: ignore[attr-defined]
            self.wfile.write(b"%d\n" % len(self.server.lines))  # type: ignore[attr-defined]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.lines: list[str] = []
        super().__init__(("127.0.0.1", 0), _Lines)


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def network(server: _Server) -> Iterator[Network]:
    with Network(server.server_address[1], seed=7) as network:
        yield network


class Client:
    def __init__(self, network: Network) -> None:
        self.socket = socket.create_connection(("127.0.0.1", network.port), timeout=5)
        self.file = self.socket.makefile("rb")

    def ask(self, line: str) -> str:
        """The answer, "" when the connection ends instead."""
        try:
            self.socket.sendall(line.encode() + b"\n")
            return self.file.readline().decode().strip()
        except ConnectionError:
            return ""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def client(network: Network) -> Iterator[Client]:
    client = Client(network)
    yield client
    client.close()


def test_it_passes_everything_until_it_is_asked_otherwise(server: _Server, network: Network, client: Client) -> None:
    assert [client.ask(str(number)) for number in range(100)] == [str(number + 1) for number in range(100)]
    assert (network.requests, network.cuts, network.accepted, network.open) == (100, 0, 1, 1)
    client.close()
    until(lambda: network.open == 0)


@pytest.mark.parametrize(("when", "done"), [("reply", ["a", "b", "c"]), ("request", ["a", "b"])])
def test_a_cut_loses_the_answer_or_the_request(
    server: _Server, network: Network, client: Client, when: str, done: list[str]
) -> None:
    network.cut(containing=b"c", when=when)  # type: ignore[arg-type]
    assert [client.ask(word) for word in "abc"] == ["1", "2", ""]
    assert server.lines == done
    assert network.cuts == 1
    again = Client(network)
    assert again.ask("c") == str(len(done) + 1)
    again.close()


def test_the_nth_and_so_many_from_there(network: Network) -> None:
    network.cut(nth=2, times=2)
    answers = []
    for _ in range(5):
        client = Client(network)
        answers.append(client.ask("x"))
        client.close()
    assert answers == ["1", "", "", "4", "5"]


def test_chance_is_the_same_for_the_same_seed(server: _Server) -> None:
    def fates() -> list[bool]:
        with Network(server.server_address[1], seed=3) as network:
            network.cut(times=None, chance=0.5)
            clients = [Client(network) for _ in range(20)]
            found = [bool(client.ask("x")) for client in clients]
            for client in clients:
                client.close()
            return found

    first = fates()
    assert first == fates()
    assert 3 < sum(first) < 17


def test_half_open_connections_stay_so(server: _Server, network: Network, client: Client) -> None:
    assert client.ask("a") == "1"
    network.stall()
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.ask("b")
    network.heal()
    other = Client(network)
    assert other.ask("c") == "2"
    other.close()
    assert server.lines == ["a", "c"]
    client.socket.settimeout(0.2)
    with pytest.raises(OSError, match="timed out"):
        client.socket.recv(1)


def test_what_is_held_arrives_after_all(server: _Server, network: Network, client: Client) -> None:
    network.hold()
    client.socket.sendall(b"a\n")
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.socket.recv(1)
    assert server.lines == []
    network.heal()
    client.socket.settimeout(5)
    assert client.socket.recv(10) == b"1\n"


def test_answers_are_late_or_drip(network: Network, client: Client) -> None:
    network.slow(delay=0.2)
    began = time.monotonic()
    assert client.ask("a") == "1"
    assert time.monotonic() - began >= 0.2
    network.slow(byte_every=0.1)
    began = time.monotonic()
    client.socket.sendall(b"b\n")
    assert client.socket.recv(10) == b"2"
    assert client.socket.recv(10) == b"\n"
    assert time.monotonic() - began >= 0.2


def test_connections_end_and_nobody_listens_until_it_is_healed(network: Network, client: Client) -> None:
    network.refuse()
    assert client.ask("a") == ""
    with pytest.raises(ConnectionRefusedError):
        Client(network)
    network.heal()
    again = Client(network)
    assert again.ask("a") == "1"
    network.drop()
    assert again.ask("b") == ""
    again.close()
