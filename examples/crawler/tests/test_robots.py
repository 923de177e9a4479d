"""robots.txt after RFC 9309."""

from __future__ import annotations

import pytest

from umbel_crawler.robots import NOTHING, effective, rules
from umbel_crawler.site import ROBOTS

AGENT = "umbel-crawler/0.1"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/", True), ("/private/a", False), ("/private/open", True), ("/a/b.pdf", False), ("/a/b.pdf?x", True)],
)
def test_longest_match_wildcards_and_end(path, allowed):
    text = "User-agent: *\nDisallow: /private/\nAllow: /private/open\nDisallow: /*.pdf$\nCrawl-delay: 2"
    assert rules(text, AGENT).allow("http://h" + path) is allowed


def test_own_group_wins_and_delay_is_read():
    text = "User-agent: *\nDisallow: /\n\nUser-agent: umbel-crawler\nCrawl-delay: 1.5\nDisallow: /no"
    mine = rules(text, AGENT)
    assert mine.allow("http://h/yes")
    assert not mine.allow("http://h/no")
    assert mine.delay == 1.5
    assert rules("", AGENT).delay == 0.0


@pytest.mark.parametrize(
    ("status", "kept"), [(200, "Disallow: /x"), (404, ""), (403, ""), (301, ""), (500, NOTHING), (0, NOTHING)]
)
def test_what_an_answer_means(status, kept):
    assert effective(status, "Disallow: /x") == kept


def test_a_site_that_is_ill_is_left_alone():
    assert not rules(effective(503, ""), AGENT).allow("http://h/")


ACTING = "antigravity this idlelib.run turtledemo tkinter.__main__ test.support ctypes.test unittest.__main__ __main__"


@pytest.mark.parametrize("module", ACTING.split())
def test_the_demo_never_imports_a_module_that_acts(module):
    assert not rules(ROBOTS, AGENT).allow(f"http://127.0.0.1:1/{module}.html")


@pytest.mark.parametrize("path", ["", "unittest.html", "email.message.html", "topic?key=LAMBDA"])
def test_the_demo_may_see_the_rest(path):
    assert rules(ROBOTS, AGENT).allow(f"http://127.0.0.1:1/{path}")
