"""The demo's site and the walk that checks the crawler."""

from __future__ import annotations

import pytest

from umbel_crawler.site import ROBOTS, Pydoc, SiteError
from umbel_crawler.walk import walk


def test_the_documentation_server_comes_up_and_goes(tmp_path):
    with Pydoc(tmp_path) as site:
        process = site._process
        found = walk(site.url, 0, ROBOTS)
        assert found == {site.url}
        assert process.poll() is None
    assert process.poll() is not None


def test_a_server_that_does_not_start_says_why(tmp_path):
    with pytest.raises(SiteError, match="did not start"), Pydoc(tmp_path, python="/bin/false"):
        pass


def test_the_walk_sees_each_page_once_within_the_depth_and_the_rules(site):
    site.page("/", "a", "/b#x", "http://other.invalid/", "no/x", "n0.test")
    site.page("/a", "/b", "/c")
    site.page("/b", "/")
    site.page("/c", "/deep")
    told = []
    found = walk(site.url + "/", 2, "User-agent: *\nDisallow: /no/\nDisallow: /*.test$\nDisallow:", told.append)
    assert found == {site.url + path for path in ("/", "/a", "/b", "/c")}
    assert site.asked == dict.fromkeys(("/", "/a", "/b", "/c"), 1)
    assert told == [1, 2, 3, 4]


def test_the_walk_does_not_hide_a_page_that_fails(site):
    site.page("/", "/gone")
    with pytest.raises(OSError, match="404"):
        walk(site.url + "/", 1, "")
