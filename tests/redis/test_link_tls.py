"""TLS to a real server: who is believed, who is refused, and that the deadline holds over the handshake."""

from __future__ import annotations

import socket

import pytest

from tests.support import servers
from umbel.adapters.redis import open_backend
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link
from umbel.exceptions import StoreUnavailable
from umbel.record import Record


@pytest.fixture(scope="module")
def secure(certificates, tmp_path_factory):
    """Port of a server that speaks TLS, and asks for a certificate only where one is offered."""
    port = servers.free_port()
    with servers.redis_server(
        tmp_path_factory.mktemp("redis"), "--tls-port", str(port), "--tls-auth-clients", "optional",
        "--tls-cert-file", str(certificates / "server.pem"), "--tls-key-file", str(certificates / "server.key"),
        "--tls-ca-cert-file", str(certificates / "ca.pem"),
    ):  # fmt: skip
        yield port


def linked(url, **options):
    return Link(Address.parse(url, options))


def test_a_server_that_the_authority_vouches_for(certificates, secure):
    link = linked(f"rediss://localhost:{secure}?ssl_ca_certs={certificates / 'ca.pem'}")
    assert link.call("PING") == b"PONG"
    value = b"x" * (6 << 20)
    link.call("SET", "big", value)
    assert link.call("GET", "big") == value
    assert link.many([("INCR", "n")] * 3000)[-1] == 3000
    link.close()


def test_a_server_that_nobody_vouches_for_is_refused(certificates, secure):
    url = f"rediss://localhost:{secure}?ssl_ca_certs={certificates / 'other.pem'}"
    with pytest.raises(StoreUnavailable, match=r"TLS: .*certificate verify failed"):
        linked(url).call("PING")
    trusting = linked(f"{url}&ssl_cert_reqs=none")
    assert trusting.call("PING") == b"PONG"
    trusting.close()


def test_a_certificate_of_another_host_is_refused_unless_that_is_allowed(certificates, secure):
    url = f"rediss://127.0.0.1:{secure}?ssl_ca_certs={certificates / 'ca.pem'}"
    with pytest.raises(StoreUnavailable, match=r"TLS: .*not valid for '127.0.0.1'"):
        linked(url).call("PING")
    lenient = linked(f"{url}&ssl_check_hostname=false")
    assert lenient.call("PING") == b"PONG"
    lenient.close()


def test_a_handshake_that_nobody_answers_costs_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = linked(f"rediss://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        with pytest.raises(StoreUnavailable, match="TLS: no answer before the deadline"):
            link.call("PING")


def test_tls_at_a_port_that_does_not_speak_it(redis_server):
    with pytest.raises(StoreUnavailable, match="TLS"):
        linked(f"rediss://127.0.0.1:{redis_server.port}", timeout=2).call("PING")


def test_results_and_a_watch_over_tls(certificates, secure):
    backend = open_backend(
        f"redis://localhost:{secure}/0", {"ssl": {"ssl_cert_reqs": "required", "ssl_ca_certs": certificates / "ca.pem"}}
    )
    watch = backend.watch()
    watch.add(["a"])
    assert not watch.wait(0.05)
    big = Record("a", "SUCCESS", b'{"status": "SUCCESS", "result": "' + b"x" * (3 << 20) + b'"}')
    backend.store([big])
    assert watch.wait(5)
    assert backend.fetch(["a"]) == {"a": big}
    assert not watch.wait(0.0)
    watch.close()
    backend.close()
