"""Fragments of the changelog have their form, and become a release."""

from __future__ import annotations

import pytest

from tests.support.scripts import load

CHANGED = """Before: results were kept for a week.
Now: they are kept for a day.
Do: set `result_expires` if you read them later."""


@pytest.fixture(scope="module")
def changelog():
    return load("changelog")


def test_every_fragment_has_its_form(changelog):
    assert [fault for name, text in changelog.fragments().items() for fault in changelog.faults(name, text)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "A sentence."),
        ("12.news.md", "A sentence."),
        ("12.added.md", "no sentence"),
        ("12.added.md", "- a list."),
        ("12.added.md", "One paragraph.\n\nAnother one."),
        ("12.changed.md", "Results are kept for a day."),
        ("12.changed.md", CHANGED.replace("Do:", "Perhaps:")),
    ],
)
def test_a_wrong_fragment_is_named(changelog, name, text):
    (fault, *_) = changelog.faults(name, text)
    assert fault.startswith(name)


@pytest.mark.parametrize(("name", "text"), [("12.changed.md", CHANGED), ("+first.added.md", "Tasks run.")])
def test_a_right_fragment_passes(changelog, name, text):
    assert changelog.faults(name, text) == []


def test_fragments_become_a_release(changelog):
    text = changelog.release(
        "1.0", {"+a.fixed.md": "One.\n", "7.changed.md": CHANGED + "\n", "8.added.md": "Two.\n"}, "2026-11-20"
    )
    assert text.splitlines() == [
        "## 1.0 (2026-11-20)",
        "",
        "### Changed",
        "",
        "- Before: results were kept for a week.",
        "  Now: they are kept for a day.",
        "  Do: set `result_expires` if you read them later. (#7)",
        "",
        "### Added",
        "",
        "- Two. (#8)",
        "",
        "### Fixed",
        "",
        "- One.",
    ]
