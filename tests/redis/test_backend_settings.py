"""Which of an app's settings reach a Redis result store."""

from __future__ import annotations

import ssl

import pytest

from umbel import Umbel


def address(backend="redis://cache:7000/1", **settings):
    with Umbel("shop", broker="memory://settings", backend=backend) as app:
        app.conf.update(settings)
        return app.backend()._address


def test_transport_options():
    found = address(result_backend_transport_options={"global_keyprefix": "shop", "timeout": 2})
    assert (found.host, found.prefix, found.timeout) == ("cache", "shop", 2.0)


@pytest.mark.parametrize("settings", [{}, {"redis_backend_use_ssl": None}, {"redis_backend_use_ssl": False}])
def test_no_tls(settings):
    assert address(**settings).tls is None


def test_tls_by_celery_s_setting():
    found = address(redis_backend_use_ssl={"ssl_cert_reqs": ssl.CERT_NONE, "ssl_ca_certs": "/ca.pem"}).tls
    assert (found.requirement, found.authorities) == (ssl.CERT_NONE, "/ca.pem")


PARTS = {"redis_host": "other", "redis_port": 7001, "redis_db": 5, "redis_username": "ann", "redis_password": "pw"}


@pytest.mark.parametrize("backend", ["redis", "redis://"])
def test_celery_s_settings_are_the_whole_address_where_the_url_names_none(backend):
    found = address(backend, **PARTS)
    assert (found.host, found.port, found.db, found.username, found.password) == ("other", 7001, 5, "ann", "pw")


def test_what_the_url_says_wins_over_celery_s_settings():
    found = address("redis://bob:his@cache:7000/1", **PARTS)
    assert (found.host, found.port, found.db, found.username, found.password) == ("cache", 7000, 1, "bob", "his")
    assert address(**PARTS).password == "pw"


def test_without_settings_it_is_this_machine():
    found = address("redis")
    assert (found.host, found.port, found.db, found.password) == ("localhost", 6379, 0, None)


def test_a_socket_as_celery_spells_it():
    found = address("socket:///run/redis.sock?virtual_host=2", redis_password="pw")
    assert (found.path, found.db, found.password) == ("/run/redis.sock", 2, "pw")


def test_sentinels_keep_all_their_places():
    places = (("a", 26379), ("b", 26379))
    options = {"master_name": "m"}
    found = address("sentinel://a;sentinel://b/1", result_backend_transport_options=options)
    assert (found.sentinels, found.db, found.master) == (places, 1, "m")
    for url in ("sentinel://a;sentinel://b", ["sentinel://a", "sentinel://b"]):
        with Umbel("shop", broker_url=url, broker_transport_options=options) as app:
            assert app.broker._address.sentinels == places


def test_the_time_for_a_call():
    assert address().timeout == 5.0
    assert address(redis_socket_timeout=20).timeout == 20.0
    assert address("redis://cache?timeout=3", redis_socket_timeout=20).timeout == 3.0
