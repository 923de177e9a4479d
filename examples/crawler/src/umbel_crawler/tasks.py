"""The tasks of the three roles. Each may run twice; see the package's docstring for why that changes nothing."""

from __future__ import annotations

import base64
import logging
import re
import sqlite3
import time
from dataclasses import replace
from typing import Any, Final

from umbel import Task

from . import archive, fetcher
from .app import app
from .database import CrawlFileError, data_folder, opened, plan_of
from .fetcher import Answer, FetchError
from .frontier import Frontier, Orders
from .messages import Job, Report
from .parser import parse
from .plan import Limits
from .storage import Storage

log = logging.getLogger("umbel_crawler")

FRONTIER: Final = "frontier"
CRAWL: Final = "crawl"
STORAGE: Final = "storage"

# Another writer was busy for longer than the connection waits, or the disk is full: later it may work.
AGAIN: Final[dict[str, Any]] = {
    "autoretry_for": (sqlite3.OperationalError,),
    "max_retries": 20,
    "retry_backoff": True,
    "retry_backoff_max": 30,
}


# ---- scheduler: queue frontier ---------------------------------------------------------------------------------------


@app.task(bind=True, queue=FRONTIER, **AGAIN)
def begin(self: Task[..., Any], crawl: str, round_: int) -> None:
    """Start a round of a crawl."""
    frontier = _frontier(crawl)
    if frontier is not None:
        _publish(crawl, frontier.begin(round_, self.request.id))


@app.task(bind=True, queue=FRONTIER, **AGAIN)
def settle(self: Task[..., Any], crawl: str, url: str) -> None:
    """A page or an error is stored: follow its links and hand out what comes next."""
    frontier = _frontier(crawl)
    if frontier is not None:
        _publish(crawl, frontier.settle(url, self.request.id))


@app.task(bind=True, queue=FRONTIER, **AGAIN)
def robots_arrived(self: Task[..., Any], crawl: str, site: str, status: int, text: str) -> None:
    """A site's robots.txt is known, or known not to be had (status 0)."""
    frontier = _frontier(crawl)
    if frontier is not None:
        _publish(crawl, frontier.robots_arrived(site, status, text, self.request.id))


@app.task(bind=True, queue=FRONTIER, **AGAIN)
def patrol(self: Task[..., Any], crawl: str, older_than: float) -> None:
    """Hand out again what has been given for so long that its message cannot be there any more."""
    frontier = _frontier(crawl)
    if frontier is not None:
        _publish(crawl, frontier.patrol(self.request.id, older_than))


def _frontier(crawl: str) -> Frontier | None:
    db = _open(crawl)
    return None if db is None else Frontier(db, plan_of(db))


def _open(crawl: str) -> sqlite3.Connection | None:
    try:
        return opened(crawl)
    except CrawlFileError as error:
        log.warning("a message is left out: %s", error)
        return None


def _publish(crawl: str, orders: Orders) -> None:
    db = opened(crawl)
    limits = plan_of(db).limits
    for site in orders.sites:
        fetch_robots.delay(crawl, site, limits)
    for url, due in orders.fetches:
        fetch.apply_async((Job(crawl, url, limits),), countdown=max(0.0, due - time.time()) or None)


# ---- crawler nodes: queue crawl --------------------------------------------------------------------------------------


@app.task(bind=True, queue=CRAWL, max_retries=None)
async def fetch(self: Task[..., Any], job: Job) -> None:
    """Fetch a page and send what came of it to the storage nodes; try again later what may work later."""
    at = time.time()
    attempts = self.request.retries + 1
    try:
        report = _read(job, await fetcher.fetch(job.url, job.limits))
    except FetchError as error:
        if error.again and attempts <= job.limits.retries:
            raise self.retry(exc=error, countdown=fetcher.wait_before(attempts, job.limits, error.wait)) from None
        report = Report(job.crawl, job.url, error.status, error.reason, seconds=time.time() - at)
    again = bool((self.request.delivery_info or {}).get("redelivered"))
    await store.adelay(replace(report, at=at, worker=self.request.hostname or "", attempts=attempts, again=again))


def _read(job: Job, answer: Answer) -> Report:
    limits = job.limits
    report = Report(
        job.crawl, job.url, answer.status, kind=answer.kind, size=answer.size, seconds=answer.seconds,
        moved_to=answer.moved_to,
    )  # fmt: skip
    if limits.keep_body:
        report = replace(report, head=answer.head, body=base64.b64encode(answer.body).decode("ascii"))
    if answer.kind == "text/plain":
        return replace(report, text=answer.body.decode("utf-8", "replace")[: limits.max_text])
    if not answer.body:
        return report
    page = parse(answer.body, answer.content_type, job.url, max_text=limits.max_text)
    broken = bool(limits.error_title) and re.search(limits.error_title, page.title) is not None
    return replace(report, title=page.title, text=page.text, links=page.links, broken=broken)


@app.task(bind=True, queue=CRAWL, max_retries=None)
async def fetch_robots(self: Task[..., Any], crawl: str, site: str, limits: Limits) -> None:
    """Ask a site for its robots.txt."""
    attempts = self.request.retries + 1
    try:
        status, text = await fetcher.fetch_robots(site, limits)
    except FetchError as error:
        if error.again and attempts <= limits.retries:
            raise self.retry(exc=error, countdown=fetcher.wait_before(attempts, limits, error.wait)) from None
        log.warning("%s: no robots.txt, so nothing of it is fetched: %s", site, error.reason)
        status, text = 0, ""
    await robots_arrived.adelay(crawl, site, status, text)


# ---- storage nodes: queue storage ------------------------------------------------------------------------------------


@app.task(bind=False, queue=STORAGE, **AGAIN)
def store(report: Report) -> None:
    """Keep a page or an error, then tell the scheduler. In this order: a URL that is closed is stored."""
    db = _open(report.crawl)
    if db is None:
        return
    storage = Storage(db)
    if report.body and not storage.has(report.url):
        archive.append(report, data_folder() / f"{report.crawl}.warc")
    storage.save(report)
    settle.delay(report.crawl, report.url)
