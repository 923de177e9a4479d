"""An independent walk of a site, one page after the other, with nothing but the standard library.

It shares no code with the crawler: its own parser, its own reading of robots rules, its own idea of a link. What it
finds is what the crawler has to find.
"""

from __future__ import annotations

import re
import urllib.request
from collections import deque
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.extend(value for name, value in attrs if name == "href" and value)


def walk(start: str, depth: int, robots: str, progress: Callable[[int], None] = lambda _: None) -> set[str]:
    """Every page of a site within some links of its start.

    Args:
        start: the first page, ending in a slash; only URLs below it count.
        depth: most links from the start.
        robots: text of which the ``Disallow`` lines count.
        progress: called with the number of pages so far.

    Returns:
        The URLs that gave a page.

    Raises:
        OSError: a page could not be had.
    """
    forbidden = _forbidden(robots)
    depths = {start: 0}
    queue = deque([start])
    while queue:
        url = queue.popleft()
        with urllib.request.urlopen(url, timeout=60) as response:
            body = response.read()
        progress(len(depths) - len(queue))
        if depths[url] == depth:
            continue
        for link in _links(url, body):
            if link.startswith(start) and link not in depths and not forbidden.match(link[len(start) - 1 :]):
                depths[link] = depths[url] + 1
                queue.append(link)
    return set(depths)


def _links(url: str, body: bytes) -> list[str]:
    parser = _Links()
    parser.feed(body.decode("utf-8", "replace"))
    return [urldefrag(urljoin(url, link)).url for link in parser.found]


def _forbidden(robots: str) -> re.Pattern[str]:
    rules = [line.partition(":")[2].strip() for line in robots.splitlines() if line.lower().startswith("disallow:")]
    patterns = [re.escape(rule).replace(r"\*", ".*").replace(r"\$", "$") for rule in rules if rule]
    return re.compile("|".join(patterns) or "(?!)")
