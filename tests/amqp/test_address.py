"""What a URL says about RabbitMQ, and that its secrets stay in it."""

from __future__ import annotations

import ssl

import pytest
from kombu import Connection

from umbel.adapters.amqp.address import Address, Server
from umbel.exceptions import ImproperlyConfigured


def parsed(url, **options):
    return Address.parse(url, options)


def only(url, **options):
    (server,) = parsed(url, **options).servers
    return server


def test_each_part_of_a_url_may_be_left_out():
    assert only("amqp://") == Server("localhost", 5672, "/", "guest", "guest")
    assert only("amqp://rabbit") == Server("rabbit")
    assert only("pyamqp://ann:secret@rabbit:7000/jobs") == Server("rabbit", 7000, "jobs", "ann", "secret")


@pytest.mark.parametrize(
    "url",
    [
        "amqp://h", "amqp://h/", "amqp://h//", "amqp://h/%2f", "amqp://h/%2F", "amqp://h/jobs", "amqp://h//jobs",
        "amqp://h/a/b", "amqp://h/a%2Fb", "amqp://h/%C3%BC", "pyamqp://u:p%40ss@h:1//", "amqp://u@h",
    ],
)  # fmt: skip
def test_a_url_means_what_it_means_in_kombu(url):
    found, info = only(url), Connection(url).info()
    assert (found.host, found.vhost) == (info["hostname"], info["virtual_host"])
    assert found.user == (info["userid"] or "guest")
    assert found.password == (info["password"] or "guest")
    assert found.port == (info["port"] or 5672)


def test_a_password_may_be_empty():
    assert only("amqp://ann:@rabbit").password == ""


def test_tls_takes_celery_s_spellings():
    found = only("amqps://rabbit?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/ca.pem")
    assert (found.port, found.tls.requirement, found.tls.authorities) == (5671, ssl.CERT_NONE, "/ca.pem")
    assert only("amqp://rabbit", ssl=True).tls.requirement == ssl.CERT_REQUIRED
    assert (
        only("amqp://rabbit:9", ssl={"ca_certs": "/ca.pem", "cert_reqs": ssl.CERT_OPTIONAL}).tls.authorities
        == "/ca.pem"
    )
    assert only("amqp://rabbit?ssl_ca_certs=/ca.pem").tls is None


def test_several_urls_are_several_servers():
    found = parsed("amqp://one:1/v; pyamqp://ann:b@two:2/w;")
    assert found.servers == (Server("one", 1, "v"), Server("two", 2, "w", "ann", "b"))


def test_times():
    assert (parsed("amqp://").timeout, parsed("amqp://").heartbeat) == (5.0, 4)
    assert (parsed("amqp://?timeout=2&heartbeat=30").timeout, parsed("amqp://?heartbeat=30").heartbeat) == (2.0, 30)
    assert (parsed("amqp://?timeout=2", timeout=3).timeout, parsed("amqp://", heartbeat=0).heartbeat) == (3.0, 0)
    assert parsed("amqp://?heartbeat=30", heartbeat=4).heartbeat == 30  # the setting is there in every app


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("amqp://ann:s3cret@rabbit:port", "URL"),
        ("amqp://ann:s3cret@rabbit?timeout=soon", "timeout"),
        ("amqp://ann:s3cret@rabbit?timeout=0", "timeout"),
        ("amqp://ann:s3cret@rabbit?heartbeat=-1", "heartbeat"),
        ("amqps://ann:s3cret@rabbit?ssl_cert_reqs=maybe", "ssl_cert_reqs"),
        (" ; ", "empty"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(url, word):
    with pytest.raises(ImproperlyConfigured, match=word) as caught:
        parsed(url)
    assert "s3cret" not in str(caught.value)


def test_a_password_is_never_shown():
    address = parsed("amqp://ann:s3cret@one/v;amqps://bob:t0psecret@[::1]/w")
    assert str(address) == "amqp://ann:**@one:5672/v;amqps://bob:**@[::1]:5671/w"
    for text in (repr(address), str(address), repr(address.servers[0]), repr(address.servers)):
        assert "s3cret" not in text
        assert "t0psecret" not in text
