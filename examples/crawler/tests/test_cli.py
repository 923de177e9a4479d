"""The command line: mistakes are one sentence."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from umbel_crawler import cli
from umbel_crawler.database import create, existing
from umbel_crawler.demo import LEAST_PAGES, Verdict
from umbel_crawler.messages import Report
from umbel_crawler.plan import Plan
from umbel_crawler.storage import Storage


def run(*arguments: str):
    return CliRunner().invoke(cli.main, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["example.com"], "write it like https://example.com"),
        (["ftp://example.com/"], "write it like https://example.com/"),
        (["http://"], "is not an address to start from"),
        (["http://h/", "--depth", "-1"], "Invalid value for '--depth'"),
        (["http://h/", "--max-pages", "0"], "Invalid value for '--max-pages'"),
        (["http://h/", "--error-title", "("], "not a regular expression"),
        (["http://h/", "--no-workers"], "--no-workers needs --broker URL"),
        (["http://h/", "--broker", "memory://"], "memory:// is seen by one process only"),
        (["http://h/", "--name", "../x"], "cannot name a crawl"),
        (["http://h/", "--deep", "1"], "No such option"),
        (["--depth", "1"], "Missing argument 'URL'"),
    ],
)
def test_a_mistake_is_a_sentence(arguments, sentence, tmp_path):
    result = run(*arguments, *(["--data", str(tmp_path)] if len(arguments) != 2 else []))
    assert result.exit_code in (1, 2)
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_help_shows_examples():
    for arguments in (["--help"], ["crawl", "--help"], ["demo", "-h"]):
        assert run(*arguments).exit_code == 0
    assert "umbel-crawler demo" in run("--help").output
    assert "--max-pages 200" in run("crawl", "--help").output


def test_search_and_report_of_a_crawl(tmp_path):
    path = tmp_path / "docs.crawl.db"
    create(path, Plan("http://h/"))
    db = existing(path)
    Storage(db).save(Report("docs", "http://h/a", 200, title="Loops", text="all about loops", worker="n@h"))
    db.close()
    found = run("search", "docs", "about", "loops", "--data", str(tmp_path))
    assert found.exit_code == 0
    assert "http://h/a" in found.output
    assert "n@h 1" in run("report", "docs", "--data", str(tmp_path)).output
    missing = run("report", "none", "--data", str(tmp_path))
    assert missing.exit_code == 1
    assert "There is no crawl" in missing.output


def test_the_demo_passes_only_with_the_same_pages_and_enough_of_them():
    many = frozenset(f"http://h/{n}" for n in range(LEAST_PAGES))
    assert Verdict(many, many, ()).passed
    assert not Verdict(many - {"http://h/7"}, many, ()).passed
    assert not Verdict(many, many - {"http://h/7"}, ()).passed
    few = frozenset(list(many)[1:])
    assert not Verdict(few, few, ()).passed


def test_a_demo_with_a_missing_page_exits_with_an_error(monkeypatch):
    some = frozenset({"http://h/"})
    monkeypatch.setattr(cli, "run_demo", lambda *_: Verdict(frozenset(), some, ("  MISSING  http://h/",)))
    result = run("demo")
    assert result.exit_code == 1
    assert "MISSING  http://h/" in result.output
