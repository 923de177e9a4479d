"""robots.txt after RFC 9309, wildcards included."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from protego import Protego

NOTHING: Final = "User-agent: *\nDisallow: /\n"


class Rules:
    """One site's robots.txt, for one crawler.

    Args:
        text: the file.
        agent: name under which the crawler looks for its group.

    Example:
        >>> rules = Rules("User-agent: *\\nDisallow: /a*.html$", "umbel-crawler")
        >>> rules.allow("http://h/a/b.html"), rules.allow("http://h/a/b.html?c")
        (False, True)
    """

    def __init__(self, text: str, agent: str) -> None:
        self._parsed = Protego.parse(text)
        self._agent = agent

    def allow(self, url: str) -> bool:
        """Whether this crawler may fetch the URL."""
        return bool(self._parsed.can_fetch(url, self._agent))

    @property
    def delay(self) -> float:
        """Crawl-delay in seconds, 0.0 when the file names none."""
        return float(self._parsed.crawl_delay(self._agent) or 0.0)


@lru_cache(maxsize=256)
def rules(text: str, agent: str) -> Rules:
    """The parsed file; the last 256 are kept."""
    return Rules(text, agent)


def effective(status: int, text: str) -> str:
    """What the answer to a request for robots.txt means (RFC 9309, 2.3.1).

    Args:
        status: HTTP status, 0 when there was no answer.
        text: the body.

    Returns:
        The rules to keep: the file itself for 2xx, none for 4xx, "everything is forbidden" when the site is ill.

    Example:
        >>> effective(404, "<h1>Not found</h1>"), effective(503, "") == NOTHING
        ('', True)
    """
    if 200 <= status < 300:
        return text
    return "" if 300 <= status < 500 else NOTHING
