"""One request: limits, redirects, what is worth trying again."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest

from umbel_crawler import fetcher
from umbel_crawler.fetcher import FetchError, retry_after, wait_before
from umbel_crawler.plan import Limits


def fetch(*urls: str, limits: Limits | None = None):
    async def run():
        try:
            return [await fetcher.fetch(url, limits or Limits(timeout=5)) for url in urls]
        finally:
            await fetcher.close()

    return asyncio.run(run())


def refused(url: str, limits: Limits | None = None) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(url, limits=limits)
    return caught.value


def test_a_page(site):
    site.page("/", "/a", text="hello")
    (answer,) = fetch(site.url + "/")
    assert (answer.status, answer.kind) == (200, "text/html")
    assert b"hello" in answer.body
    assert answer.size == len(answer.body)
    assert answer.seconds > 0


def test_one_connection_serves_many_pages(site):
    site.page("/")
    fetch(*[site.url + "/"] * 5)
    assert site.asked["/"] == 5
    assert site.connections == 1


def test_redirect_is_told_not_followed(site):
    site.status("/old", 301, Location="/new?b=1&a=2#x")
    (answer,) = fetch(site.url + "/old")
    assert (answer.status, answer.moved_to, answer.body) == (301, site.url + "/new?a=2&b=1", b"")
    assert site.asked["/new?b=1&a=2"] == 0


def test_redirect_to_nowhere_is_an_error(site):
    site.status("/old", 302, Location="mailto:x@y")
    assert "redirected to nowhere" in refused(site.url + "/old").reason


@pytest.mark.parametrize(
    ("code", "again"), [(404, False), (410, False), (501, False), (500, True), (503, True), (429, True)]
)
def test_which_status_is_worth_trying_again(site, code, again):
    site.status("/x", code, Retry_After="7")
    error = refused(site.url + "/x")
    assert (error.status, error.again, error.wait) == (code, again, 7.0)
    assert error.reason.startswith(f"HTTP {code}")


def test_time_limit(site):
    site.slow("/slow")
    error = refused(site.url + "/slow", Limits(timeout=0.2))
    assert (error.reason, error.again, error.status) == ("no answer within 0.2 s", True, 0)


def test_size_limit_counts_unpacked_bytes_and_stops_reading(site):
    def bomb(handler, number):
        raw = gzip.compress(b"\0" * 5_000_000)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    site.routes["/bomb"] = bomb
    error = refused(site.url + "/bomb", Limits(max_bytes=100_000))
    assert (error.reason, error.again) == ("longer than 100,000 bytes", False)


def test_body_of_what_is_not_text_is_not_read(site):
    site.status("/i", 200, Content_Type="image/png")
    (answer,) = fetch(site.url + "/i")
    assert (answer.kind, answer.body) == ("image/png", b"")


def test_nobody_there_is_worth_trying_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        error = refused(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert error.again
    assert error.status == 0


def test_half_a_page_is_worth_trying_again(site):
    def half(handler, number):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    site.routes["/half"] = half
    assert refused(site.url + "/half").again


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, now=50.0) == seconds


def test_wait_grows_and_is_bounded():
    limits = Limits(backoff=1.0)
    for attempt, middle in ((1, 1.0), (2, 2.0), (3, 4.0)):
        assert 0.75 * middle <= wait_before(attempt, limits, None) <= 1.25 * middle
    assert wait_before(30, limits, None) == 120.0
    assert wait_before(1, limits, 100_000.0) == 120.0
    assert wait_before(9, limits, 0.0) == 0.0


def test_robots_follows_redirects_and_reads_a_bounded_part(site):
    site.status("/robots.txt", 302, Location="/other.txt")
    site.routes["/other.txt"] = "User-agent: *\n" + "#" * 1_000_000

    async def run():
        try:
            return await fetcher.fetch_robots(site.url, Limits(timeout=5))
        finally:
            await fetcher.close()

    status, text = asyncio.run(run())
    assert status == 200
    assert text.startswith("User-agent")
    assert len(text) == fetcher.ROBOTS_SIZE
