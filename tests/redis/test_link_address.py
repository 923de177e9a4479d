"""What a URL says, and that its secrets stay in it."""

from __future__ import annotations

import ssl

import pytest

from umbel.adapters.redis.address import Address
from umbel.exceptions import ImproperlyConfigured


def parsed(url, **options):
    return Address.parse(url, options)


def test_each_part_of_a_url_may_be_left_out():
    assert parsed("redis://") == Address(host="localhost", port=6379, db=0)
    assert parsed("redis://cache") == Address(host="cache")
    assert parsed("redis://cache:7000/3") == Address(host="cache", port=7000, db=3)
    assert parsed("redis://cache?db=4").db == 4


def test_who_asks_is_unquoted():
    found = parsed("redis://ann:p%40ss%2Fword@cache:7000/3")
    assert (found.username, found.password) == ("ann", "p@ss/word")
    assert parsed("redis://:secret@cache").username is None
    assert parsed("redis://cache", username="bob", password="b").password == "b"


@pytest.mark.parametrize("scheme", ["redis+socket", "socket", "unix"])
def test_a_unix_socket_is_written_as_in_celery(scheme):
    found = parsed(f"{scheme}:///run/my%20redis.sock?virtual_host=2")
    assert (found.host, found.path, found.db) == ("", "/run/my redis.sock", 2)
    assert parsed(f"{scheme}://:pw@/run/redis.sock").password == "pw"


def test_tls_takes_celery_s_spellings():
    found = parsed("rediss://cache?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/ca.pem&ssl_check_hostname=false").tls
    assert (found.requirement, found.authorities, found.hostname) == (ssl.CERT_NONE, "/ca.pem", False)
    assert parsed("rediss://cache").tls.requirement == ssl.CERT_REQUIRED
    assert parsed("redis://cache", ssl={"ssl_cert_reqs": ssl.CERT_OPTIONAL}).tls.requirement == ssl.CERT_OPTIONAL
    assert parsed("redis://cache", ssl=True).tls.requirement == ssl.CERT_REQUIRED
    assert parsed("redis://cache?ssl_cert_reqs=none", ssl=False).tls is None


def test_the_time_of_a_call():
    assert parsed("redis://").timeout == 5.0
    assert parsed("redis://?timeout=2").timeout == 2.0
    assert parsed("redis://", socket_timeout=7).timeout == 7.0
    assert parsed("redis://?timeout=2", timeout=3).timeout == 3.0


def test_the_prefix_is_kept_as_written():
    assert parsed("redis://", global_keyprefix="shop").prefix == "shop"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("redis://:hunter2@cache/mail", "numbers them"),
        ("redis://:hunter2@cache:port/0", "cannot be read"),
        ("redis+socket://:hunter2@", "names no socket"),
        ("redis://:hunter2@cache?timeout=soon", "write seconds"),
        ("redis://:hunter2@cache?timeout=0", "write seconds"),
        ("rediss://:hunter2@cache?ssl_cert_reqs=maybe", "required, optional or none"),
        ("rediss://:hunter2@cache?ssl_check_hostname=maybe", "true or false"),
    ],
)
def test_what_cannot_work_is_told_without_the_password(url, word):
    with pytest.raises(ImproperlyConfigured, match=word) as caught:
        parsed(url)
    assert "hunter2" not in str(caught.value)


def test_tls_files_that_are_not_there_are_named():
    with pytest.raises(ImproperlyConfigured, match="ssl_ca_certs"):
        parsed("rediss://cache?ssl_ca_certs=/nowhere/ca.pem").tls.context()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://ann:hunter2@cache:1/2", "redis://ann:**@cache:1/2"),
        ("redis://:hunter2@[::1]:1", "redis://:**@[::1]:1/0"),
        ("redis://ann@cache", "redis://ann@cache:6379/0"),
        ("rediss://:hunter2@cache", "rediss://:**@cache:6379/0"),
        ("redis+socket://:hunter2@/run/r.sock?db=3", "redis+socket://:**@/run/r.sock?virtual_host=3"),
    ],
)
def test_an_address_may_be_shown(url, shown):
    assert str(parsed(url)) == shown
    assert "hunter2" not in repr(parsed(url))
