"""Two spellings of one page are one page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel_crawler.urls import canonical, host_of, site_of


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("HTTP://Example.COM", "", "http://example.com/"),
        ("http://example.com:80/", "", "http://example.com/"),
        ("https://example.com:443/a", "", "https://example.com/a"),
        ("http://example.com:8080/a", "", "http://example.com:8080/a"),
        ("http://example.com/a/../b/./c", "", "http://example.com/b/c"),
        ("../b", "http://example.com/x/y/z", "http://example.com/x/b"),
        ("?b=2&a=1", "http://example.com/x", "http://example.com/x?a=1&b=2"),
        ("http://example.com/a#part", "", "http://example.com/a"),
        ("http://example.com/a?utm_source=n&q=%20x&gclid=1", "", "http://example.com/a?q=+x"),
        ("http://example.com/a?empty=", "", "http://example.com/a?empty="),
        ("http://user:secret@example.com/a", "", "http://example.com/a"),
        ("http://[::1]:8000/a", "", "http://[::1]:8000/a"),
        ("//other.com/a", "https://example.com/", "https://other.com/a"),
        ("http://münchen.de/straße", "", "http://xn--mnchen-3ya.de/stra%C3%9Fe"),
        ("  http://example.com/a\n", "", "http://example.com/a"),
    ],
)
def test_canonical_form(url, base, expected):
    assert canonical(url, base) == expected


@pytest.mark.parametrize(
    "url",
    ["mailto:a@b.c", "javascript:void(0)", "ftp://h/a", "http://", "http://h:port/", "example.com", "",
     "http://h/" + "a" * 2000, "http://[::1/", "tel:1", "file:///etc/passwd"],
)  # fmt: skip
def test_what_cannot_be_fetched_is_none(url):
    assert canonical(url) is None


@given(st.text(max_size=60))
def test_any_text_is_a_canonical_url_or_none_and_canonical_is_a_fixed_point(text):
    found = canonical(text, "http://example.com/a/b?c=d")
    assert found is None or canonical(found) == found


def test_site_and_host():
    assert site_of("http://www.example.com:8080/a?b") == "http://www.example.com:8080"
    assert host_of("http://www.example.com:8080/a?b") == "example.com:8080"
