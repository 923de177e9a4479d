"""One HTTP request, with limits; what comes back is a value, or an error that says whether trying again makes sense.

A process has one session, so connections are kept alive between tasks. Redirects are not followed here: the target is a
URL like any other, to be seen once, allowed by robots.txt and waited for politely, so it goes back to the frontier.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from .plan import Limits
from .urls import canonical

LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
MOVED: Final = frozenset({301, 302, 303, 307, 308})
READABLE: Final = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
LONGEST_WAIT: Final = 120.0  # seconds; a server that asks for more is given up on sooner
ROBOTS_SIZE: Final = 512_000  # bytes of a robots.txt that are read, as RFC 9309 asks for at least

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Answer:
    """A response within the limits.

    Attributes:
        status: HTTP status.
        kind: media type, lower case.
        content_type: the whole header.
        head: all headers, in the server's order.
        body: unpacked; b"" for a redirect and for what is not text.
        size: bytes of the body; for what is not text, what the server says.
        moved_to: canonical target of a redirect, "" otherwise.
        seconds: from the request to the last byte.
    """

    status: int
    kind: str
    content_type: str
    head: tuple[tuple[str, str], ...]
    body: bytes
    size: int
    moved_to: str
    seconds: float


class FetchError(Exception):
    """There is no page.

    Args:
        reason: one line.
        status: HTTP status, 0 when there was no answer.
        again: whether trying again makes sense.
        wait: seconds that the server asks to wait first, None when it does not say.
    """

    def __init__(self, reason: str, status: int = 0, *, again: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.again = again
        self.wait = wait


async def fetch(url: str, limits: Limits) -> Answer:
    """Ask for one page.

    Args:
        url: canonical.
        limits: time, size and name.

    Returns:
        The answer: a page, something that is not text (without its body), or a redirect.

    Raises:
        FetchError: a status of 400 or more, a limit, or a failure of the network.

    Example:
        >>> answer = await fetch("http://127.0.0.1:8000/", Limits(timeout=5.0))  # doctest: +SKIP
    """
    started = time.perf_counter()
    try:
        async with _session().get(
            URL(url, encoded=True),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=limits.timeout),
            headers={"User-Agent": limits.agent},
        ) as response:
            _refuse(response)
            body = await _body(response, limits.max_bytes) if _wanted(response) else b""
            return _answer(url, response, body, time.perf_counter() - started)
    except TimeoutError:
        raise FetchError(f"no answer within {limits.timeout:g} s", again=True) from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise FetchError(f"certificate refused: {error.certificate_error}") from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise FetchError(f"not a URL that can be asked for: {error}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise FetchError(_sentence(error), again=True) from None


async def fetch_robots(site: str, limits: Limits) -> tuple[int, str]:
    """Ask a site for its robots.txt, following up to five redirects.

    Args:
        site: scheme, host and port.
        limits: time and name.

    Returns:
        HTTP status and text; an endless chain of redirects counts as 404.

    Raises:
        FetchError: 5xx, 429 or a failure of the network: trying again makes sense.
    """
    try:
        async with _session().get(
            f"{site}/robots.txt",
            max_redirects=5,
            timeout=aiohttp.ClientTimeout(total=limits.timeout),
            headers={"User-Agent": limits.agent},
        ) as response:
            if response.status in LATER:
                _refuse(response)
            raw = b""
            async for chunk in response.content.iter_chunked(1 << 16):
                raw += chunk
                if len(raw) >= ROBOTS_SIZE:
                    break
            return response.status, raw[:ROBOTS_SIZE].decode("utf-8", "replace")
    except aiohttp.TooManyRedirects:
        return 404, ""
    except (aiohttp.ClientError, OSError) as error:  # OSError covers TimeoutError
        raise FetchError(_sentence(error), again=True) from None


def wait_before(attempt: int, limits: Limits, asked: float | None) -> float:
    """Seconds to wait before the next attempt.

    Args:
        attempt: attempts made so far, at least 1.
        limits: has the first wait.
        asked: what the server asks for, None when it does not say.

    Returns:
        What the server asks for, or ``backoff * 2 ** (attempt - 1)`` with a quarter of jitter; at most 120.

    Example:
        >>> wait_before(1, Limits(), 7.0)
        7.0
    """
    if asked is not None:
        return min(asked, LONGEST_WAIT)
    return min(limits.backoff * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25), LONGEST_WAIT)


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date relative to ``now``; None when it says nothing.

    Example:
        >>> retry_after("3", 0.0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50.0), retry_after("soon", 0.0)
        (3.0, 10.0, None)
    """
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - now)
    except ValueError:
        return None


async def close() -> None:
    """Close this loop's session; the next fetch opens another."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


def _session() -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None or session.closed:
        # The worker bounds how many tasks run, the scheduler how many a site sees; a third bound would only hide them.
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "text/html,application/xhtml+xml,text/plain;q=0.8,*/*;q=0.1"},
        )
        _sessions[loop] = session
    return session


def _refuse(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    wait = retry_after(response.headers.get("Retry-After"), time.time())
    reason = f"HTTP {response.status} {response.reason or ''}".strip()
    raise FetchError(reason, response.status, again=response.status in LATER, wait=wait)


def _wanted(response: aiohttp.ClientResponse) -> bool:
    return response.status not in MOVED and response.content_type.lower() in READABLE


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > limit:
            response.close()
            raise FetchError(f"longer than {limit:,} bytes", response.status)
        chunks.append(chunk)
    return b"".join(chunks)


def _answer(url: str, response: aiohttp.ClientResponse, body: bytes, seconds: float) -> Answer:
    moved_to = ""
    if response.status in MOVED:
        location = response.headers.get("Location", "")
        moved_to = canonical(location, url) or ""
        if not moved_to:
            raise FetchError(f"redirected to nowhere: {location[:100]!r}", response.status)
    return Answer(
        status=response.status,
        kind=response.content_type.lower(),
        content_type=response.headers.get("Content-Type", ""),
        head=tuple((name, value) for name, value in response.headers.items()),
        body=body,
        size=len(body) or response.content_length or 0,
        moved_to=moved_to,
        seconds=seconds,
    )


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}"[:300] if text != type(error).__name__ else text
