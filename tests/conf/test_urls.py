from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.exceptions import ImproperlyConfigured
from umbel.urls import mask_url, scheme


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@host:6379/0", "redis://user:**@host:6379/0"),
        ("redis://:hunter2@host", "redis://:**@host"),
        ("amqp://user@host//", "amqp://user@host//"),
        ("redis://a:b@c@host/0?x=y", "redis://a:**@host/0?x=y"),
        ("redis://:pass/word@host/0", "redis://:**@host/0"),
        ("redis://[::1]:6379/0?mail=a@b", "redis://[::1]:6379/0?mail=a@b"),
        ("redis://host:6379/0?mail=a@b", "redis://host:6379/0?mail=a@b"),
        ("sqlite:////tmp/a@b:c.db", "sqlite:////tmp/a@b:c.db"),
        ("redis://h/0?password=x&db=1&SSL_KeyFile_Password=y#z", "redis://h/0?password=**&db=1&SSL_KeyFile_Password=**"),
        ("postgresql://u:p@h/d?sslpassword=x", "postgresql://u:**@h/d?sslpassword=**"),
        ("amqp://u:p@h//;amqp://v:q@i//", "amqp://u:**@h//;amqp://v:**@i//"),
        ("sentinel://h:1;sentinel://:q@i:2", "sentinel://h:1;sentinel://:**@i:2"),
        ("host=h password=hunter2 user=u", "host=h password=** user=u"),
        ("redis://user:@host", "redis://user:**@host"),
        ("sqs://KEY:SECRET@", "sqs://KEY:**@"),
        ("memory://", "memory://"),
        ("", ""),
    ],
)  # fmt: skip
def test_no_password_is_shown(url, shown):
    assert mask_url(url) == shown


words = st.text(
    st.characters(codec="ascii", exclude_characters="@:;/?#[]& \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f"), max_size=10
)


@given(
    words,
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="@;?#"), min_size=1),
    words,
)
def test_whatever_the_password_is(user, password, host):
    secret = f"<{password}>"
    assert secret not in mask_url(f"redis://{user}:{secret}@{host}/0")


@given(words.filter(bool))
def test_whatever_the_secret_in_the_query_is(secret):
    assert mask_url(f"redis://h/0?a=1&auth_token={secret}&b=2") == "redis://h/0?a=1&auth_token=**&b=2"


@pytest.mark.parametrize(
    ("url", "found"), [("SQLite:///x", "sqlite"), ("db+sqlite:///x", "db+sqlite"), ("memory://", "memory")]
)
def test_the_scheme(url, found):
    assert scheme(url) == found


@pytest.mark.parametrize("url", ["", "redis", "/tmp/x.db", "://x", "C:\\x.db", "redis:host"])
def test_what_is_no_url(url):
    with pytest.raises(ImproperlyConfigured, match="is no URL of a store"):
        scheme(url)


def test_the_error_shows_no_password_either():
    with pytest.raises(ImproperlyConfigured) as caught:
        scheme("host=h password=hunter2")
    assert "hunter2" not in str(caught.value)
