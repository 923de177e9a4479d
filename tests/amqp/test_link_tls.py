"""TLS to a real RabbitMQ: who is believed, who is refused."""

from __future__ import annotations

import pytest

from tests.support.certificates import made
from tests.support.rabbitmq import rabbitmq_server
from umbel import clock
from umbel.adapters.amqp.address import Address
from umbel.adapters.amqp.link import Link
from umbel.exceptions import StoreUnavailable, StoreUnsuitable


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A node that speaks TLS, with the folder of its certificates."""
    folder = made(tmp_path_factory.mktemp("tls"))
    with rabbitmq_server(tmp_path_factory.mktemp("rabbitmq"), certificates=folder) as server:
        yield server, folder


def linked(url, **options):
    return Link(Address.parse(url, options), "test")


def refused(url, kind=StoreUnavailable):
    with pytest.raises(kind) as caught:
        linked(url).channel(clock.monotonic() + 10)
    return str(caught.value)


def test_a_server_that_the_authority_vouches_for(secure):
    server, folder = secure
    link = linked(f"amqps://localhost:{server.tls_port}//?ssl_ca_certs={folder / 'ca.pem'}")
    link.ask(lambda channel, reply: channel.queue_declare("q", durable=True, callback=reply), link.until())
    link.close()
    other = linked(f"amqp://localhost:{server.tls_port}//", ssl={"ca_certs": str(folder / "ca.pem")})
    assert other.channel(other.until()).is_open
    other.close()


def test_a_server_that_nobody_vouches_for_is_refused(secure):
    server, folder = secure
    assert "certificate" in refused(f"amqps://localhost:{server.tls_port}//?ssl_ca_certs={folder / 'other.pem'}")
    assert "certificate" in refused(f"amqps://localhost:{server.tls_port}//")


def test_a_certificate_of_another_host_is_refused_unless_told_otherwise(secure):
    server, folder = secure
    url = f"amqps://127.0.0.1:{server.tls_port}//?ssl_ca_certs={folder / 'ca.pem'}"
    assert "127.0.0.1" in refused(url)
    link = linked(f"{url}&ssl_check_hostname=false")
    assert link.channel(link.until()).is_open
    link.close()


def test_a_server_without_tls_is_told_apart(secure):
    server, folder = secure
    url = f"amqps://localhost:{server.port}//?ssl_ca_certs={folder / 'ca.pem'}"
    assert "does not speak TLS; write amqp://" in refused(url, StoreUnsuitable)
