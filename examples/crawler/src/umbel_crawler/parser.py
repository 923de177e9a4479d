"""What a crawler wants from a page: its title, its text, its links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from selectolax.lexbor import LexborHTMLParser
from w3lib.encoding import html_to_unicode

from .urls import canonical

SILENT: Final = ["script", "style", "noscript", "template", "svg"]
LONGEST_TITLE: Final = 300


@dataclass(frozen=True, slots=True)
class Parsed:
    """A page's title, its readable text with single blanks, and its canonical links, each once."""

    title: str
    text: str
    links: tuple[str, ...]


def parse(body: bytes, content_type: str, url: str, *, max_text: int = 200_000) -> Parsed:
    """Read an HTML page.

    Args:
        body: as received, unpacked.
        content_type: the header, whose charset wins over the page's own.
        url: where it came from, the base of its relative links unless it has a ``<base>``.
        max_text: most characters of text to keep.

    Returns:
        Title, text and links. Links with ``rel=nofollow`` are left out, and all of them when the page asks for it.

    Example:
        >>> parse(b"<title>T</title><a href='/b'>go</a>", "text/html", "http://h/a").links
        ('http://h/b',)
    """
    _, page = html_to_unicode(content_type, body)
    tree = LexborHTMLParser(page)
    title_node = tree.css_first("title")
    title = _squeeze(title_node.text())[:LONGEST_TITLE] if title_node is not None else ""
    links = () if _page_says_nofollow(tree) else _links(tree, url)
    tree.strip_tags([*SILENT, "title"])
    root = tree.body
    text = _squeeze(root.text(separator=" "))[:max_text] if root is not None else ""
    return Parsed(title, text, links)


def _links(tree: LexborHTMLParser, url: str) -> tuple[str, ...]:
    base_node = tree.css_first("base[href]")
    base = (canonical(base_node.attributes.get("href") or "", url) if base_node is not None else None) or url
    hrefs: dict[str, None] = {}  # without fragments: a page may have a thousand links into few others
    for node in tree.css("a[href], area[href]"):
        attributes = node.attributes
        href = attributes.get("href")
        if href and "nofollow" not in (attributes.get("rel") or "").lower().split():
            hrefs[href.partition("#")[0]] = None
    targets = (canonical(href, base) for href in hrefs)
    return tuple(dict.fromkeys(target for target in targets if target is not None))


def _page_says_nofollow(tree: LexborHTMLParser) -> bool:
    metas = tree.css("meta[name='robots' i]")
    return any("nofollow" in (node.attributes.get("content") or "").lower() for node in metas)


def _squeeze(text: str) -> str:
    return " ".join(text.split())
