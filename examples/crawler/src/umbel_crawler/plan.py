"""What a crawl is to do. Written once into the crawl's file; messages carry the parts that a crawler node needs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .urls import host_of

AGENT = "umbel-crawler/0.1"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may cost.

    Attributes:
        timeout: seconds for one attempt, from the connection to the last byte.
        max_bytes: longest body, unpacked; a longer one is an error.
        max_text: longest text that is kept for search, in characters.
        retries: further attempts after a 5xx, a 429, a time-out or a broken connection.
        backoff: seconds before the first retry; doubled each time, with jitter, unless the server says Retry-After.
        agent: User-Agent header, and the name that robots.txt is read for.
        error_title: regular expression; a page whose title it matches says that there is nothing ("" for none).
        keep_body: carry the body to the storage nodes, for the WARC archive.
    """

    timeout: float = 20.0
    max_bytes: int = 8_000_000
    max_text: int = 200_000
    retries: int = 3
    backoff: float = 1.0
    agent: str = AGENT
    error_title: str = ""
    keep_body: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What one crawl is to do.

    Attributes:
        start: canonical URL of the first page.
        depth: most links from the start to a page that is fetched.
        max_pages: pages after which the crawl ends; which ones these are depends on who answers first.
        hosts: further hosts that belong to the crawl, beside the start's own (``www.`` makes no difference).
        per_site: most fetches of one site under way at any moment.
        delay: least seconds between the starts of two fetches of one site; a longer Crawl-delay of its robots.txt wins.
        robots: robots rules for the start's site, instead of asking the site for them.
        limits: what one fetch may cost.
    """

    start: str
    depth: int = 3
    max_pages: int = 1000
    hosts: tuple[str, ...] = ()
    per_site: int = 2
    delay: float = 0.5
    robots: str | None = None
    limits: Limits = field(default_factory=Limits)

    def covers(self, url: str) -> bool:
        """Whether a URL belongs to this crawl.

        Example:
            >>> Plan("https://www.example.com/").covers("http://example.com/a")
            True
        """
        host = host_of(url)
        return host == host_of(self.start) or host in self.hosts

    def dumps(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Plan:
        """From JSON text; names that a newer version has written are passed over."""
        raw: dict[str, Any] = json.loads(text)
        limits = Limits(**_known(Limits, raw.pop("limits", {})))
        raw["hosts"] = tuple(raw.get("hosts", ()))
        return cls(**_known(cls, raw), limits=limits)


def _known(kind: type[Any], raw: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in raw.items() if name in names}
