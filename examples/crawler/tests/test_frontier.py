"""URLs are seen once, fetched politely, and a crawl knows when it is over, however often a message arrives."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel_crawler.database import create, existing
from umbel_crawler.frontier import MOST_GIVEN, MOST_HOPS, Frontier
from umbel_crawler.messages import Report
from umbel_crawler.plan import Plan
from umbel_crawler.storage import Storage
from umbel_crawler.watch import Watcher

H = "http://h"
NO_RULES = ""


class Driver:
    """A crawl without processes: the test plays the nodes, and the clock."""

    def __init__(self, db, plan: Plan) -> None:
        self.now = 1000.0
        self.db = db
        self.frontier = Frontier(db, plan, lambda: self.now)
        self.storage = Storage(db)
        self.numbers = itertools.count()

    def message(self) -> str:
        return f"m{next(self.numbers)}"

    def begin(self, round_: int = 1):
        return self.frontier.begin(round_, self.message())

    def page(self, url: str, *links: str, moved_to: str = ""):
        self.storage.save(Report("x", url, 301 if moved_to else 200, links=links, moved_to=moved_to, worker="n@h"))
        return self.frontier.settle(url, self.message())

    def fail(self, url: str):
        self.storage.save(Report("x", url, 500, error="HTTP 500", worker="n@h"))
        return self.frontier.settle(url, self.message())

    def state(self, url: str) -> str:
        return self.db.execute("SELECT state FROM url WHERE url = ?", (url,)).fetchone()[0]

    def over(self) -> bool:
        return Watcher(self.db).snapshot().over


@pytest.fixture
def drive(open_crawl):
    def driver(**plan) -> Driver:
        made = Plan(**{"start": H + "/", "robots": NO_RULES, "delay": 0.0, "per_site": 100, **plan})
        return Driver(open_crawl(made), made)

    return driver


def urls(orders) -> list[str]:
    return [url for url, _ in orders.fetches]


def test_start_then_links_then_over(drive):
    crawl = drive()
    assert not crawl.over()
    assert urls(crawl.begin()) == [H + "/"]
    assert urls(crawl.page(H + "/", H + "/a", H + "/b", H + "/")) == [H + "/a", H + "/b"]
    assert urls(crawl.page(H + "/a", H + "/b", H + "/")) == []
    assert not crawl.over()
    crawl.page(H + "/b")
    assert crawl.over()
    assert crawl.frontier.tally()["fetched"] == 3


def test_other_hosts_are_left_out_unless_they_are_named(drive):
    crawl = drive(hosts=("friend",), robots=None)
    crawl.begin()
    crawl.frontier.robots_arrived(H, 404, "", "r1")
    orders = crawl.page(H + "/", "http://stranger/a", "http://www.h/b", "http://friend/c", "https://h/d")
    assert orders.fetches == ()
    assert set(orders.sites) == {"http://www.h", "http://friend", "https://h"}


def test_depth_bounds_the_crawl(drive):
    crawl = drive(depth=1)
    crawl.begin()
    crawl.page(H + "/", H + "/a")
    assert urls(crawl.page(H + "/a", H + "/b")) == []
    assert crawl.state(H + "/b") == "far"
    assert crawl.over()


def test_shorter_way_found_later_brings_back_what_was_too_far(drive):
    crawl = drive(depth=2)
    crawl.begin()
    crawl.page(H + "/", H + "/long", H + "/short")
    crawl.page(H + "/long", H + "/mid")  # /mid at depth 2
    crawl.page(H + "/mid", H + "/end")  # /end at depth 3: too far
    assert crawl.state(H + "/end") == "far"
    crawl.db.execute("UPDATE url SET depth = 5 WHERE url IN (?, ?)", (H + "/short", H + "/mid"))
    crawl.db.execute("UPDATE url SET depth = 0 WHERE url = ?", (H + "/short",))
    orders = crawl.page(H + "/short", H + "/mid")  # /mid at depth 1, so /end at depth 2
    assert urls(orders) == [H + "/end"]


def test_the_second_delivery_of_a_message_gives_the_same_orders_and_changes_nothing(drive):
    crawl = drive(per_site=2)
    crawl.begin()
    crawl.storage.save(Report("x", H + "/", 200, links=(H + "/a", H + "/b", H + "/c"), worker="n@h"))
    first = crawl.frontier.settle(H + "/", "same")
    before = crawl.db.execute("SELECT url, state, depth, given FROM url ORDER BY url").fetchall()
    second = crawl.frontier.settle(H + "/", "same")
    assert first == second
    assert len(first.fetches) == 2
    assert crawl.db.execute("SELECT url, state, depth, given FROM url ORDER BY url").fetchall() == before


def test_second_report_of_a_page_follows_no_other_links(drive):
    crawl = drive()
    crawl.begin()
    crawl.page(H + "/", H + "/a")
    crawl.page(H + "/a")
    assert crawl.over()
    assert urls(crawl.page(H + "/", H + "/new")) == []
    assert crawl.over()


def test_a_page_wins_over_an_error_whatever_comes_first(drive):
    crawl = drive()
    crawl.begin()
    crawl.fail(H + "/")
    assert crawl.state(H + "/") == "failed"
    assert urls(crawl.page(H + "/", H + "/a")) == [H + "/a"]
    crawl.fail(H + "/")
    assert crawl.state(H + "/") == "fetched"
    assert crawl.storage.errors() == 0


def test_no_more_under_way_than_a_site_may_have(drive):
    crawl = drive(per_site=2)
    crawl.begin()
    links = [f"{H}/{n}" for n in range(5)]
    given = urls(crawl.page(H + "/", *links))
    seen = list(given)
    while given:
        assert crawl.frontier.tally()["given"] <= 2
        given = given[1:] + urls(crawl.page(given[0]))
        seen = sorted({*seen, *given})
    assert seen == sorted(links)
    assert crawl.over()


def test_delay_spreads_the_starts_and_crawl_delay_wins(drive):
    crawl = drive(delay=1.0, robots="User-agent: *\nCrawl-delay: 3")
    assert crawl.begin().fetches == ((H + "/", 1000.0),)
    orders = crawl.page(H + "/", H + "/a", H + "/b")
    assert sorted(due for _, due in orders.fetches) == [1003.0, 1006.0]
    crawl.now = 1100.0
    assert crawl.page(H + "/a", H + "/c").fetches == ((H + "/c", 1100.0),)


def test_robots_is_asked_for_once_and_obeyed(drive):
    crawl = drive(robots=None, per_site=1)
    orders = crawl.begin()
    assert (orders.fetches, orders.sites) == ((), (H,))
    assert urls(crawl.frontier.robots_arrived(H, 200, "User-agent: *\nDisallow: /no", "r")) == [H + "/"]
    orders = crawl.page(H + "/", H + "/fine", *[f"{H}/no{n}" for n in range(200)])
    assert (urls(orders), orders.sites) == ([H + "/fine"], ())
    assert crawl.frontier.tally()["refused"] == 200, "they wait for nothing"
    crawl.page(H + "/fine")
    assert crawl.over()


def test_a_site_whose_robots_cannot_be_had_is_left_alone_and_the_crawl_ends(drive):
    crawl = drive(robots=None)
    crawl.begin()
    assert crawl.frontier.robots_arrived(H, 0, "", "r").fetches == ()
    assert crawl.over()
    assert crawl.frontier.tally()["refused"] == 1


def test_redirects_keep_the_depth_and_a_chain_without_end_is_cut(drive):
    crawl = drive(depth=0)
    crawl.begin()
    url = H + "/"
    for hop in range(1, MOST_HOPS + 1):
        target = f"{H}/{hop}"
        assert urls(crawl.page(url, moved_to=target)) == [target]
        url = target
    assert urls(crawl.page(url, moved_to=H + "/last")) == []
    assert crawl.state(H + "/last") == "failed"
    assert "redirects in a row" in crawl.storage.broken()[0].reason
    assert crawl.over()


def test_redirect_loop_ends(drive):
    crawl = drive()
    crawl.begin()
    crawl.page(H + "/", moved_to=H + "/a")
    assert urls(crawl.page(H + "/a", moved_to=H + "/")) == []
    assert crawl.over()


def test_max_pages_counts_pages_not_failures(drive):
    crawl = drive(max_pages=3)
    crawl.begin()
    orders = crawl.page(H + "/", *[f"{H}/{n}" for n in range(9)])
    assert len(orders.fetches) == 2
    replaced = crawl.fail(orders.fetches[0][0])
    assert len(replaced.fetches) == 1
    crawl.page(orders.fetches[1][0])
    crawl.page(replaced.fetches[0][0])
    assert crawl.over()
    assert crawl.frontier.tally() == {
        "fetched": 3,
        "failed": 1,
        "left": 6,
        "queued": 0,
        "given": 0,
        "far": 0,
        "refused": 0,
    }


def test_places_given_back_by_failures_go_to_other_sites(drive):
    crawl = drive(max_pages=2, robots=None, hosts=("g",))
    crawl.begin()
    crawl.frontier.robots_arrived(H, 404, "", "r1")
    crawl.page(H + "/", H + "/a", "http://g/b")
    assert crawl.frontier.robots_arrived("http://g", 404, "", "r2").fetches == ()  # /a has the last place
    assert urls(crawl.fail(H + "/a")) == ["http://g/b"]


def test_patrol_hands_out_again_what_was_lost_and_gives_up_at_last(drive):
    crawl = drive()
    crawl.begin()
    assert crawl.frontier.patrol("p0", older_than=60).fetches == ()
    for turn in range(1, MOST_GIVEN):
        crawl.now += 100
        assert urls(crawl.frontier.patrol(f"p{turn}", older_than=60)) == [H + "/"]
    crawl.now += 100
    assert crawl.frontier.patrol("last", older_than=60).fetches == ()
    assert crawl.state(H + "/") == "failed"
    assert "lost" in crawl.storage.broken()[0].reason
    assert crawl.over()


def test_patrol_asks_again_for_robots(drive):
    crawl = drive(robots=None)
    crawl.begin()
    assert crawl.frontier.patrol("p", older_than=60).sites == (H,)


def test_a_further_round_goes_on_deeper_and_tries_failures_again(tmp_path):
    path = tmp_path / "x.crawl.db"
    plan = Plan(H + "/", depth=1, robots=NO_RULES, delay=0.0)
    assert create(path, plan) == 1
    crawl = Driver(existing(path), plan)
    crawl.begin()
    crawl.page(H + "/", H + "/a", H + "/b")
    crawl.page(H + "/a", H + "/far")
    crawl.fail(H + "/b")
    assert crawl.over()
    deeper = Plan(H + "/", depth=2, robots=NO_RULES, delay=0.0)
    assert create(path, deeper) == 2
    again = Driver(crawl.db, deeper)
    assert not again.over()
    assert set(urls(again.begin(2))) == {H + "/b", H + "/far"}
    assert again.frontier.begin(2, "late").fetches == ()  # a second delivery of another message of this round
    crawl.db.close()


@settings(max_examples=60, deadline=None)
@given(
    graph=st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=5), max_size=13),
    depth=st.integers(0, 5),
    per_site=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
def test_whatever_the_order_exactly_the_pages_within_the_depth(tmp_path_factory, graph, depth, per_site, seed):
    """Any order of answers, with messages delivered twice: the set is that of a breadth-first walk."""
    dice = random.Random(seed)
    path = tmp_path_factory.mktemp("g") / "x.crawl.db"
    plan = Plan(f"{H}/0", depth=depth, per_site=per_site, delay=0.0, robots=NO_RULES)
    create(path, plan)
    crawl = Driver(existing(path), plan)
    open_jobs = urls(crawl.begin())
    while open_jobs:
        url = open_jobs.pop(dice.randrange(len(open_jobs)))
        links = tuple(f"{H}/{n}" for n in graph.get(int(url.rsplit("/", 1)[1]), []))
        crawl.storage.save(Report("x", url, 200, links=links, worker="n@h"))
        message = crawl.message()
        orders = crawl.frontier.settle(url, message)
        if dice.random() < 0.3:
            assert crawl.frontier.settle(url, message) == orders
        open_jobs += urls(orders)
    expected, level = {0}, {0}
    for _ in range(depth):
        level = {n for each in level for n in graph.get(each, [])} - expected
        expected |= level
    assert crawl.over()
    assert crawl.storage.pages() == {f"{H}/{n}" for n in expected}
    tally = dict(crawl.db.execute("SELECT state, count(*) FROM url GROUP BY state"))
    assert {state: n for state, n in crawl.frontier.tally().items() if n} == tally
    crawl.db.close()
