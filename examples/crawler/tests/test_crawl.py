"""The whole thing with real workers: a difficult site, and nodes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import redis_server
from tests.support.until import until
from umbel_crawler.database import existing
from umbel_crawler.fleet import Fleet, WorkerDied
from umbel_crawler.run import Place, start_workers
from umbel_crawler.storage import Storage

COMMAND = [sys.executable, "-m", "umbel_crawler"]


def crawl(site, data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, site.url + "/", "--data", str(data), "--name", "x", "--delay", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        stdout, stderr = process.communicate(timeout=100)
    except BaseException:
        process.terminate()  # not killed: it ends its workers first
        process.communicate(timeout=30)
        raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def rows(data: Path, query: str) -> list[tuple[object, ...]]:
    db = existing(data / "x.crawl.db")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def workers_of(data: Path) -> list[int]:
    """Processes, other than ours, that work for the crawls in this folder."""
    mark = f"UMBEL_CRAWLER_DATA={data.resolve()}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            environment = (each / "environ").read_bytes().split(b"\0")
            alive = (each / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            continue
        if mark in environment and alive:
            found.append(int(each.name))
    return found


def difficult(site) -> None:
    """A site with everything that goes wrong."""
    site.routes["/robots.txt"] = "User-agent: *\nDisallow: /private/\n"
    site.page(
        "/", "/a", "/old", "/flaky", "/slow", "/ill", "/gone", "/big", "/loop1", "/image", "/private/x", "#top",
        "http://elsewhere.invalid/", "mailto:a@b.c", title="Start",
    )  # fmt: skip
    site.page("/a", "/", "/b?y=2&x=1", "/b?x=1&y=2", text="a needle in the hay")
    site.page("/b?x=1&y=2", "/a", "/deeper")
    site.page("/deeper", "/too-deep")
    site.page("/too-deep")
    site.status("/old", 301, Location="/new")
    site.page("/new", "/")
    site.status("/flaky", 503, times=2, then="<title>flaky</title>", Retry_After="0")
    site.slow("/slow", times=1, then="<title>slow</title>")
    site.status("/ill", 500, Retry_After="0")
    site.page("/big", text="x" * 300_000)
    site.status("/loop1", 302, Location="/loop2")
    site.status("/loop2", 302, Location="/loop1")
    site.status("/image", 200, Content_Type="image/png")


@pytest.mark.timeout(120)
def test_a_difficult_site(site, tmp_path):
    difficult(site)
    done = crawl(site, tmp_path, "--timeout", "1", "--retries", "2", "--max-bytes", "200000", "--warc")
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {url.removeprefix(site.url) for (url,) in rows(tmp_path, "SELECT url FROM page WHERE moved_to = ''")}
    assert pages == {"/", "/a", "/b?x=1&y=2", "/deeper", "/new", "/flaky", "/slow", "/image"}
    errors = {url.removeprefix(site.url): (status, attempts) for url, status, attempts in
              rows(tmp_path, "SELECT url, status, attempts FROM error")}  # fmt: skip
    assert errors == {"/ill": (500, 3), "/gone": (404, 1), "/big": (200, 1)}
    moved = {url.removeprefix(site.url) for (url,) in rows(tmp_path, "SELECT url FROM page WHERE moved_to <> ''")}
    assert moved == {"/old", "/loop1", "/loop2"}
    assert site.asked["/private/x"] == 0
    assert site.asked["/too-deep"] == 0
    assert site.asked["/flaky"] == 3
    assert site.asked["/robots.txt"] == 1
    assert site.asked["/a"] == 1
    assert "11 pages stored" in done.stdout
    assert "/gone" in done.stdout
    assert list((tmp_path / "x.warc").glob("*.warc.gz"))
    until(lambda: workers_of(tmp_path) == [], "the workers to be gone")
    assert workers_of(tmp_path) == []
    db = existing(tmp_path / "x.crawl.db")
    assert [hit.url for hit in Storage(db).search("needle hay")] == [site.url + "/a"]
    db.close()


@pytest.mark.timeout(120)
def test_a_site_sees_no_more_requests_than_it_asked_for(site, tmp_path):
    site.page("/", *[f"/{n}" for n in range(12)])
    for number in range(12):
        site.page(f"/{number}")
    site.routes["/robots.txt"] = "User-agent: *\nCrawl-delay: 0.2\n"
    done = crawl(site, tmp_path, "--per-site", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.most_under_way <= 2
    moments = [moment for path, moment in site.times if path != "/robots.txt"]
    assert len(moments) == 13
    assert moments[-1] - moments[0] >= 0.9 * 12 * 0.2


@pytest.mark.timeout(120)
def test_nothing_to_crawl_is_an_error_with_its_reason(site, tmp_path):
    done = crawl(site, tmp_path)
    assert done.returncode == 1
    assert "HTTP 404" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.timeout(120)
def test_the_same_command_again_goes_on(site, tmp_path):
    site.page("/", "/a", "/ill")
    site.page("/a", "/b")
    site.page("/b")
    site.status("/ill", 500, times=1, then="<title>well</title>", Retry_After="0")
    first = crawl(site, tmp_path, "--depth", "1", "--retries", "0")
    assert first.returncode == 0, first.stdout + first.stderr
    assert rows(tmp_path, "SELECT count(*) FROM page") == [(2,)]
    second = crawl(site, tmp_path, "--depth", "2", "--retries", "0")
    assert second.returncode == 0, second.stdout + second.stderr
    assert rows(tmp_path, "SELECT count(*) FROM page") == [(4,)]
    assert site.asked["/a"] == 1
    assert rows(tmp_path, "SELECT count(*) FROM error") == [(0,)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_no_process_is_left_however_it_ends(site, tmp_path, number, code):
    site.page("/", "/slow")
    site.slow("/slow")
    process = subprocess.Popen(
        [*COMMAND, site.url + "/", "--data", str(tmp_path), "--name", "x", "--delay", "0", "--timeout", "5"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    try:
        until(lambda: site.asked["/slow"], timeout=60)
        assert workers_of(tmp_path)
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == code
    assert ("the same command goes on with it" in output) is (number == signal.SIGINT)
    assert "Traceback" not in output
    until(lambda: not workers_of(tmp_path), timeout=20)


@pytest.mark.timeout(120)
def test_a_fleet_that_runs_already_does_the_work(site, tmp_path):
    site.page("/", "/a", "/b")
    site.page("/a")
    site.page("/b")
    place = Place.embedded(tmp_path, tmp_path)
    with Fleet(place.broker, tmp_path, tmp_path) as fleet:
        start_workers(fleet, 1)
        before = set(workers_of(tmp_path))
        done = crawl(site, tmp_path, "--broker", place.broker, "--no-workers")
        assert done.returncode == 0, done.stdout + done.stderr
        fleet.check()
        assert before <= set(workers_of(tmp_path)), "the fleet stays"
    assert "3 pages stored" in done.stdout
    until(lambda: workers_of(tmp_path) == [], "the workers to be gone")
    assert workers_of(tmp_path) == []


@pytest.mark.timeout(120)
def test_a_fleet_meets_in_redis(site, tmp_path, redis):
    site.page("/", "/a", "/b")
    site.page("/a")
    site.page("/b")
    with Fleet(redis.url, tmp_path, tmp_path) as fleet:
        start_workers(fleet, 1)
        done = crawl(site, tmp_path, "--broker", redis.url, "--no-workers")
        assert done.returncode == 0, done.stdout + done.stderr
        fleet.check()
    assert "3 pages stored" in done.stdout
    assert not list(tmp_path.glob("*.db.wake")), "the messages were in Redis"
    until(lambda: workers_of(tmp_path) == [], "the workers to be gone")


@pytest.fixture
def redis(tmp_path):
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.mark.timeout(120)
def test_a_worker_that_cannot_start_is_told_with_its_last_words(site, tmp_path):
    done = crawl(site, tmp_path, "--broker", "nosuchstore://x")
    assert done.returncode == 1
    assert "nosuchstore" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(60)
def test_a_worker_that_dies_is_noticed_and_takes_its_children_along(tmp_path):
    place = Place.embedded(tmp_path, tmp_path)
    with Fleet(place.broker, tmp_path, tmp_path) as fleet:
        node = fleet.start("crawler1", "crawl")
        until(lambda: "ready" in node.log.read_text(), timeout=30)
        fleet.check()
        os.kill(node.process.pid, signal.SIGKILL)
        node.process.wait()
        with pytest.raises(WorkerDied, match=r"(?s)crawler1 ended with exit code -9.*ready"):
            fleet.check()
    until(lambda: workers_of(tmp_path) == [], "the killed processes to be gone")
    assert workers_of(tmp_path) == []
