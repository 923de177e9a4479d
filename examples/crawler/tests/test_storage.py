"""Reports are kept once, whatever is delivered how often; and can be asked."""

from __future__ import annotations

import base64
import gzip
import sqlite3

import pytest

from umbel_crawler import archive, report
from umbel_crawler.database import CrawlFileError, create, existing, opened, path_of, plan_of, transaction
from umbel_crawler.messages import Report
from umbel_crawler.plan import Limits, Plan
from umbel_crawler.storage import Storage
from umbel_crawler.watch import Watcher

PLAN = Plan("http://h/")


@pytest.fixture
def db(open_crawl):
    return open_crawl(PLAN)


def dump(db) -> list[object]:
    return [db.execute(f"SELECT * FROM {name}").fetchall() for name in ("page", "link", "error", "node", "page_text")]


def test_a_page_twice_is_a_page_once(db):
    page = Report("x", "http://h/a", 200, title="T", text="words here", links=("http://h/b",), worker="n@h", size=9)
    assert Storage(db).save(page)
    before = dump(db)
    assert not Storage(db).save(page)
    assert dump(db) == before
    assert Storage(db).nodes()[0].pages == 1


def test_an_error_twice_is_an_error_once_and_goes_when_the_page_comes(db):
    error = Report("x", "http://h/a", 500, "HTTP 500", worker="n@h")
    storage = Storage(db)
    assert storage.save(error)
    assert not storage.save(error)
    assert storage.errors() == 1
    assert storage.save(Report("x", "http://h/a", 200, worker="n@h"))
    assert storage.errors() == 0
    assert not storage.save(error)
    assert storage.errors() == 0


def test_search_finds_all_words_and_no_character_is_special(db):
    storage = Storage(db)
    storage.save(Report("x", "http://h/a", 200, title="Event loop", text="how the loop turns events"))
    storage.save(Report("x", "http://h/b", 200, title="Other", text="an event without the other word"))
    assert [hit.url for hit in storage.search("event loop")] == ["http://h/a"]
    assert [hit.url for hit in storage.search("eve")] == ["http://h/a", "http://h/b"]
    for odd in ('"', "a OR", "NEAR(", "*", "-x", "a:b", "(", "  "):
        assert isinstance(storage.search(odd), list)


def test_broken_links_tell_who_has_them(db):
    storage = Storage(db)
    storage.save(Report("x", "http://h/a", 200, links=("http://h/gone", "http://h/soft")))
    storage.save(Report("x", "http://h/b", 200, links=("http://h/gone",)))
    storage.save(Report("x", "http://h/gone", 404, "HTTP 404 Not Found"))
    storage.save(Report("x", "http://h/soft", 200, title="Error - nothing", broken=True))
    found = storage.broken()
    assert [(each.target, each.reason, each.source, each.sources) for each in found] == [
        ("http://h/gone", "HTTP 404 Not Found", "http://h/a", 2),
        ("http://h/soft", "Error - nothing", "http://h/a", 1),
    ]
    assert storage.broken_count() == 2


def test_redirects_are_no_pages(db):
    Storage(db).save(Report("x", "http://h/old", 301, moved_to="http://h/new"))
    Storage(db).save(Report("x", "http://h/new", 200))
    assert Storage(db).pages() == {"http://h/new"}


def test_slowest(db):
    for number in range(7):
        Storage(db).save(Report("x", f"http://h/{number}", 200, seconds=number / 10, size=number))
    assert Storage(db).slowest(2) == [("http://h/6", 0.6, 6), ("http://h/5", 0.5, 5)]


def test_summary_reads_well_with_nothing_and_with_something(db):
    text = "\n".join(report.summary(db, Watcher(db).snapshot(), "x.db"))
    assert "0 pages stored in x.db" in text
    assert "broken links: none" in text
    Storage(db).save(Report("x", "http://h/a", 404, "HTTP 404", worker="n@h"))
    assert "HTTP 404" in "\n".join(report.summary(db, Watcher(db).snapshot(), "x.db"))
    assert list(report.search(db, "nothing")) == ["no page has 'nothing'"]


def test_archive_can_be_read_by_others(db, tmp_path):
    from warcio.archiveiterator import ArchiveIterator

    body = "<p>päge</p>".encode()
    page = Report(
        *("x", "http://h/a", 200),
        at=1.0,
        head=(("Content-Type", "text/html"), ("Content-Encoding", "gzip"), ("Content-Length", "5")),
        body=base64.b64encode(body).decode(),
    )
    path = archive.append(page, tmp_path / "w")
    assert archive.append(page, tmp_path / "w") == path
    with path.open("rb") as stream:
        records = [
            (
                record.rec_headers.get_header("WARC-Target-URI"),
                record.http_headers.statusline,
                record.http_headers.get_header("Content-Encoding"),
                record.http_headers.get_header("Content-Length"),
                record.content_stream().read(),
            )
            for record in ArchiveIterator(stream)
        ]
    assert records == [("http://h/a", "200 OK", None, str(len(body)), body)] * 2
    assert gzip.decompress(path.read_bytes()).startswith(b"WARC/1.0")


def test_the_plan_comes_back_and_unknown_names_are_passed_over(tmp_path):
    plan = Plan("http://h/", hosts=("a", "b"), robots="x", limits=Limits(timeout=1.5, keep_body=True))
    assert Plan.loads(plan.dumps()) == plan
    newer = plan.dumps().replace('"depth"', '"new_option": 1, "depth"').replace('"timeout"', '"other": 2, "timeout"')
    assert Plan.loads(newer) == plan
    create(tmp_path / "x.crawl.db", plan)
    assert plan_of(existing(tmp_path / "x.crawl.db")) == plan


def test_files_of_others_are_refused_with_a_sentence(tmp_path):
    text = tmp_path / "text.crawl.db"
    text.write_bytes(b"hello, this is no database at all" * 50)
    other = tmp_path / "other.crawl.db"
    with sqlite3.connect(other) as foreign:
        foreign.execute("CREATE TABLE t (a)")
    foreign.close()
    for path, word in ((text, "not a database"), (other, "something else")):
        with pytest.raises(CrawlFileError, match=word):
            create(path, PLAN)
        with pytest.raises(CrawlFileError, match=word):
            existing(path)
    create(tmp_path / "x.crawl.db", PLAN)
    with pytest.raises(CrawlFileError, match="holds a crawl of http://h/"):
        create(tmp_path / "x.crawl.db", Plan("http://other/"))
    with pytest.raises(CrawlFileError, match="There is no crawl"):
        existing(tmp_path / "none.crawl.db")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", ".hidden", "a/b", "a\0", "x" * 101])
def test_a_name_from_a_message_cannot_leave_the_folder(name):
    with pytest.raises(CrawlFileError):
        path_of(name)


def test_a_removed_crawl_is_noticed_and_a_new_one_of_its_name_is_another(tmp_path, monkeypatch):
    monkeypatch.setenv("UMBEL_CRAWLER_DATA", str(tmp_path))
    path = path_of("x")
    create(path, PLAN)
    first = opened("x")
    assert opened("x") is first
    for each in tmp_path.glob("x.crawl.db*"):
        each.unlink()
    with pytest.raises(CrawlFileError, match="no crawl 'x'"):
        opened("x")
    create(path, Plan("http://new/"))
    assert plan_of(opened("x")).start == "http://new/"
    opened("x").close()
    first.close()


def test_a_transaction_is_all_or_nothing(db):
    def half_done():
        with transaction(db):
            db.execute("INSERT INTO link VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert db.execute("SELECT count(*) FROM link").fetchone() == (0,)
