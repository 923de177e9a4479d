"""Which of an app's settings reach a Redis result store."""

from __future__ import annotations

import ssl

import pytest

from umbel import Umbel


def address(**settings):
    with Umbel("shop", broker="memory://settings", backend="redis://cache:7000/1") as app:
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
