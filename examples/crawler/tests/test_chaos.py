"""Every role is killed once while a crawl runs; and the demo, whole."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.until import until
from umbel_crawler import tasks
from umbel_crawler.app import app
from umbel_crawler.database import existing
from umbel_crawler.demo import LEAST_PAGES, REPLACEMENT, run_demo
from umbel_crawler.display import Lines
from umbel_crawler.fleet import Fleet
from umbel_crawler.plan import Plan
from umbel_crawler.run import Crawl, Place, follow, start_workers
from umbel_crawler.storage import Storage


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A store and a folder of crawls for this test, and the app as it was afterwards."""
    before = app.conf.broker_url
    place = Place.embedded(tmp_path, tmp_path / "crawls")
    monkeypatch.setenv("UMBEL_CRAWLER_DATA", str(place.data))
    with place.taken():
        yield place
    app.conf.update(broker_url=before)


@pytest.mark.chaos
@pytest.mark.timeout(150)
def test_every_role_is_killed_and_every_page_is_there_once(site, place, tmp_path):
    pages = 120
    for number in range(pages):
        site.page(f"/{number}", f"/{2 * number + 1}", f"/{2 * number + 2}", f"/{number // 2}", text=f"word{number}")
    for number in range(pages, 2 * pages + 2):
        site.status(f"/{number}", 404)
    crawl = Crawl.prepare("x", Plan(site.url + "/0", depth=20, delay=0.0, per_site=8), place.data)
    deaths = {10: ("scheduler", tasks.FRONTIER), 35: ("storage", tasks.STORAGE), 60: ("crawler1", tasks.CRAWL)}

    def kill_one(snapshot) -> None:
        for least, (name, queue) in list(deaths.items()):
            if snapshot.pages >= least:
                del deaths[least]
                fleet.kill(fleet.nodes[name])
                fleet.start(name + "-again", queue)

    with Fleet(place.broker, place.data, tmp_path) as fleet, Lines(io.StringIO()) as view:
        start_workers(fleet, 1)
        last = follow(crawl, view, fleet, kill_one)
    assert deaths == {}
    db = crawl.database()
    assert Storage(db).pages() == {f"{site.url}/{number}" for number in range(pages)}
    assert db.execute("SELECT count(*), count(DISTINCT rowid) FROM page_text").fetchone() == (pages, pages)
    assert (last.pages, last.errors) == (pages, pages + 1)
    twice = sum(count - 1 for path, count in site.asked.items() if path != "/robots.txt")
    assert twice <= 3 * 8, "only what a killed process held is fetched again"
    db.close()


@pytest.mark.chaos
@pytest.mark.timeout(150)
def test_the_demo_finds_exactly_what_a_walk_finds(place, tmp_path):
    said = io.StringIO()
    verdict = run_demo(tmp_path / "demo", place.data, Lines(said), lambda line: print(line, file=said))
    assert verdict.stored == verdict.walked
    assert len(verdict.stored) >= LEAST_PAGES
    assert verdict.passed
    text = said.getvalue() + "\n".join(verdict.lines)
    for part in (
        "was killed by SIGKILL",
        f"{REPLACEMENT} was started",
        "broken links: ",
        "slowest pages:",
        "the two sets are equal",
    ):
        assert part in text
    db = existing(place.data / "demo.crawl.db")
    assert {node.worker.partition("@")[0] for node in Storage(db).nodes()} >= {"crawler1", "crawler2"}
    db.close()


@pytest.mark.timeout(100)
def test_the_demo_ends_all_its_processes_when_it_is_stopped(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "umbel_crawler", "demo", "--keep", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "pages/s" in line and " pages     0 " not in line:
                break
        sessions = sessions_below(process.pid)
        assert len(sessions) == 5, "four workers and the documentation server"
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(30) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.stdout.close()
    assert "Traceback" not in rest
    until(lambda: not any(alive_in_session(each) for each in sessions))


def sessions_below(pid: int) -> set[int]:
    """Process ids of the direct children, each the leader of its session."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def alive_in_session(session: int) -> bool:
    """Whether a process of this session is left, zombies aside."""
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (each / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                return True
    return False
