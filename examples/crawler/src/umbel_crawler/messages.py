"""What travels between the roles. Plain dataclasses: umbel sends them as JSON and hands them over typed."""

from __future__ import annotations

from dataclasses import dataclass

from .plan import Limits


@dataclass(frozen=True, slots=True)
class Job:
    """Scheduler to crawler node: fetch this page.

    Attributes:
        crawl: name of the crawl.
        url: canonical.
        limits: what it may cost.
    """

    crawl: str
    url: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Report:
    """Crawler node to storage node: what came of a fetch.

    Attributes:
        crawl: name of the crawl.
        url: canonical, as asked for.
        status: HTTP status, 0 when there was no answer.
        error: why there is no page; "" when there is one.
        kind: media type.
        title: of the page.
        text: readable text of the page.
        links: canonical, in the order of the page, each once.
        moved_to: canonical target of a redirect, "" for a page.
        size: bytes of the body, unpacked.
        seconds: from the request to the last byte.
        at: unix time of the request.
        worker: node that fetched it.
        attempts: how often it was tried.
        again: the message had been held by a node that was lost.
        broken: the page's title says that there is nothing here.
        head: the answer's headers, kept only for the archive.
        body: base64, kept only for the archive.
    """

    crawl: str
    url: str
    status: int = 0
    error: str = ""
    kind: str = ""
    title: str = ""
    text: str = ""
    links: tuple[str, ...] = ()
    moved_to: str = ""
    size: int = 0
    seconds: float = 0.0
    at: float = 0.0
    worker: str = ""
    attempts: int = 1
    again: bool = False
    broken: bool = False
    head: tuple[tuple[str, str], ...] = ()
    body: str = ""
