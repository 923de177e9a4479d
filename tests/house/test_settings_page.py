"""The pages about settings say what the table of settings says."""

from __future__ import annotations

import re

import pytest

from tests.support import tree
from tests.support.scripts import load
from umbel.conf import SETTINGS


@pytest.fixture(scope="module")
def settings():
    return load("settings")


def test_the_pages_are_made_from_the_table(settings, capsys):
    assert settings.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", ["docs/settings.md", "docs/coming-from-celery.md"])
def test_a_stale_page_is_made_anew(settings, name):
    text = (tree.TOP / name).read_text(encoding="utf-8")
    mark, lines = settings.PAGES[name]
    stale = text.replace("`task_acks_late`", "`task_acks_never`")
    assert stale != text
    assert settings.rendered(stale, mark, lines()) == text


def test_every_setting_has_its_row(settings):
    rows = [line for line in settings.settings_table() if line.startswith("| `")]
    assert len(rows) == len(SETTINGS)


def test_a_setting_that_nothing_reads_is_told(settings):
    names = settings.read_names()
    assert settings.has_effect("task_acks_late", names)
    assert not settings.has_effect("task_acks_late", names - {"acks_late"})
    assert "without effect" in settings.row(SETTINGS["task_acks_late"], set())


def test_what_has_no_effect_says_why(settings):
    names = settings.read_names()
    inert = {name: row.inert for name, row in SETTINGS.items() if row.inert}
    assert set(inert) == {
        name for name, row in SETTINGS.items() if not row.fixed and not settings.has_effect(name, names)
    }
    assert all(re.fullmatch(r"without effect(: | yet[:,] ).+[^.]", why) for why in inert.values())


def test_only_what_a_later_release_brings_has_no_effect_yet():
    later = {name for name, row in SETTINGS.items() if row.inert.startswith("without effect yet")}
    assert later == set()
