"""What a URL and options say."""

from __future__ import annotations

from pathlib import Path

import pytest

from umbel.adapters.sqlite.address import parsed
from umbel.exceptions import ImproperlyConfigured


def test_four_slashes_are_absolute(tmp_path):
    assert parsed(f"sqlite:///{tmp_path}/a.db", {}).path == str(tmp_path / "a.db")


def test_three_slashes_are_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parsed("sqlite:///sub/a.db", {}).path == str(tmp_path / "sub" / "a.db")


def test_percent_signs_are_decoded_and_home_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parsed("sqlite:////tmp/a%20b.db", {}).path.endswith("/a b.db")
    assert parsed("sqlite:///~/a.db", {}).path == str(tmp_path / "a.db")


def test_links_lead_to_one_store(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    urls = [f"sqlite:///{tmp_path}/{name}/a.db" for name in ("real", "link")]
    assert parsed(urls[0], {}) == parsed(urls[1], {})


def test_the_query_and_the_options_set_what_there_is_to_set():
    assert parsed("sqlite:///a.db?durability=full&timeout=0.5", {}).durability == "full"
    address = parsed("sqlite:///a.db?timeout=1", {"timeout": 2, "poison_limit": 5, "something": "else"})
    assert (address.timeout, address.poison, address.durability) == (2.0, 5, "normal")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///folder/",
        "sqlite://host/a.db",
        "sqlite:///a.db?durability=some",
        "sqlite:///a.db?timeout=soon",
        "sqlite:///a.db?timeout=-1",
        "sqlite:///a.db?timeuot=1",
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(url):
    with pytest.raises(ImproperlyConfigured) as refused:
        parsed(url, {})
    assert str(refused.value).endswith((".", "://"))


def test_nothing_is_touched_before_a_part_is_used(store):
    store.publisher(), store.backend(), store.shelf()
    assert not Path(store.path).exists()
