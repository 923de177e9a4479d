"""A crawl's file, and a small web site that can be slow, ill, endless or gone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from umbel_crawler.database import create, existing
from umbel_crawler.plan import Plan


@pytest.fixture
def open_crawl(tmp_path: Path):
    """Make a crawl's file from a plan; called again with the same start, a further round of it."""
    connections = []

    def opener(plan: Plan):
        path = tmp_path / "x.crawl.db"
        create(path, plan)
        connections.append(existing(path))
        return connections[-1]

    yield opener
    for each in connections:
        each.close()


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""


class Site:
    """Routes: a path to HTML, or to a function (handler, number of the request to this path) that answers itself."""

    def __init__(self) -> None:
        self.routes: dict[str, str | Callable[[BaseHTTPRequestHandler, int], None]] = {"/robots.txt": ""}
        self.asked: Counter[str] = Counter()
        self.times: list[tuple[str, float]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.connections = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.server = QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def page(self, path: str, *links: str, title: str = "", text: str = "") -> None:
        anchors = "".join(f"<a href='{link}'>{link}</a> " for link in links)
        self.routes[path] = f"<html><head><title>{title or path}</title></head><body>{text} {anchors}</body></html>"

    def status(self, path: str, code: int, *, times: int = 10**9, then: str = "", **headers: str) -> None:
        """Answer with a status, a limited number of times, then with a page."""

        def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
            good = number > times
            send(handler, 200 if good else code, then if good else "", {} if good else headers)

        self.routes[path] = answer

    def slow(self, path: str, *, times: int = 10**9, then: str = "") -> None:
        """Answer nothing while the site lives, a limited number of times, then with a page."""

        def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
            if number <= times:
                self.closing.wait()
            else:
                send(handler, 200, then, {})

        self.routes[path] = answer

    def _handler(site):  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                site.connections += 1

            def do_GET(self) -> None:
                with site.lock:
                    site.asked[self.path] += 1
                    number = site.asked[self.path]
                    site.times.append((self.path, time.monotonic()))
                    site.under_way += 1
                    site.most_under_way = max(site.most_under_way, site.under_way)
                try:
                    route = site.routes.get(self.path)
                    if callable(route):
                        route(self, number)
                    elif route is None:
                        send(self, 404, "<title>gone</title>", {})
                    else:
                        kind = "text/plain" if self.path.endswith(".txt") else "text/html; charset=utf-8"
                        send(self, 200, route, {"Content-Type": kind})
                except (ConnectionError, TimeoutError):
                    self.close_connection = True
                finally:
                    with site.lock:
                        site.under_way -= 1

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def send(handler: BaseHTTPRequestHandler, code: int, body: str, headers: dict[str, str]) -> None:
    raw = body.encode()
    handler.send_response(code)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"Content-Type": "text/html; charset=utf-8", **named}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()
