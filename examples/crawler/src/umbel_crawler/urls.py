"""The canonical form of a URL: two spellings of one page are one page.

w3lib does the hard part (path dots, percent-encoding, punycode, sorted query, no fragment); here go default ports, user
names and tracking parameters, and whatever a crawler cannot fetch.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from w3lib.url import canonicalize_url

LONGEST: Final = 2000  # characters; longer ones are almost always a server's endless loop
TRACKERS: Final = frozenset({"fbclid", "gclid", "dclid", "msclkid", "igshid", "mc_cid", "mc_eid", "yclid", "_ga"})
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def canonical(url: str, base: str = "") -> str | None:
    """The one spelling under which a page is known.

    Args:
        url: as found, absolute or relative.
        base: address of the page that it was found on.

    Returns:
        The canonical URL, or None when it is not one that can be fetched (``mailto:``, no host, a port that is no
        number, longer than 2,000 characters).

    Example:
        >>> canonical("../B?z=1&a=2&utm_source=x#top", "HTTP://Example.com:80/x/y")
        'http://example.com/B?a=2&z=1'
    """
    try:
        joined = urljoin(base, url.strip()) if base else url.strip()
        if len(joined) > LONGEST or urlsplit(joined).scheme.lower() not in DEFAULT_PORTS:
            return None
        parts = urlsplit(canonicalize_url(joined, keep_blank_values=True))
        netloc = _netloc(parts)
    except (ValueError, UnicodeError):
        return None
    if not netloc:
        return None
    return urlunsplit((parts.scheme, netloc, parts.path or "/", _query(parts.query), ""))


def _netloc(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port is None or port == DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"


def _query(query: str) -> str:
    return "&".join(pair for pair in query.split("&") if not _tracks(pair.partition("=")[0]))


def _tracks(name: str) -> bool:
    return name.startswith("utm_") or name in TRACKERS


def site_of(url: str) -> str:
    """What politeness and robots.txt go by: scheme, host and port.

    Example:
        >>> site_of("http://example.com:8080/a?b=c")
        'http://example.com:8080'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def host_of(url: str) -> str:
    """Host and port without a leading ``www.``, by which a URL belongs to a crawl or not.

    Example:
        >>> host_of("https://www.example.com/a")
        'example.com'
    """
    return urlsplit(url).netloc.removeprefix("www.")
