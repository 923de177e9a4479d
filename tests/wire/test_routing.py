from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umbel.conf import Settings
from umbel.exceptions import ImproperlyConfigured
from umbel.routing import NO_ROUTES, Call, compile_routes, declare, routed

ROUTES = {
    "mail.send": "mail",
    "mail.*": {"queue": "bulk", "priority": 3},
    re.compile(r"(video|image)\.\w+$"): {"queue": "media"},
    "*.slow": "slow",
    "only.priority": {"priority": 9},
    "what?": "literal",
}


def queue(name, options=None, routes=ROUTES):
    made = routed(compile_routes(routes), declare(Settings()), Call(name, (), {}, options or {}))
    return {option: value.name if option == "queue" else value for option, value in made.items() if value is not None}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("mail.send", {"queue": "mail"}),
        ("mail.digest", {"queue": "bulk", "priority": 3}),
        ("mail.slow", {"queue": "bulk", "priority": 3}),
        ("video.cut", {"queue": "media"}),
        ("video.cut.now", {"queue": "celery"}),
        ("my.video.cut", {"queue": "celery"}),
        ("report.slow", {"queue": "slow"}),
        ("only.priority", {"priority": 9}),
        ("what?", {"queue": "literal"}),
        ("whats", {"queue": "celery"}),
        ("other", {"queue": "celery"}),
    ],
)
def test_exact_names_before_patterns_in_their_order(name, made):
    assert queue(name) == made


def test_an_exact_name_wins_wherever_it_stands():
    assert queue("a.b", routes={"a.*": "glob", "a.b": "exact"}) == {"queue": "exact"}


def test_what_the_caller_wrote_wins_and_none_is_not_written():
    assert queue("mail.digest", {"queue": "mine", "priority": None}) == {"queue": "mine", "priority": 3}
    assert queue("mail.digest", {"priority": 7, "expires": 5}) == {"queue": "bulk", "priority": 7, "expires": 5}


@pytest.mark.parametrize(
    "routes",
    [
        [("a.*", "one"), ("*", "two")],
        (("a.*", "one"), ("*", "two")),
        [{"a.*": "one"}, {"a.b": "three", "*": "two"}],
        [[("a.*", "one")], {"*": "two"}],
        ([("a.*", {"queue": "one"}), ("*", "two")],),
    ],
)
def test_lists_of_maps_and_pairs_are_asked_in_order(routes):
    assert queue("a.b", routes=routes) == {"queue": "one"}
    assert queue("c", routes=routes) == {"queue": "two"}


def test_no_routes():
    assert compile_routes(None) == compile_routes([]) == NO_ROUTES
    assert queue("a", routes={}) == {"queue": "celery"}


@pytest.mark.parametrize(
    ("routes", "words"),
    [("", "must be a dict"), (5, "must be a dict"), ([5], "must be a dict"),
     ({"a": 5}, "route of 'a' must be"), ({"a": None}, "route of 'a' must be"), ({"a": {1: 2}}, "route of 'a' must be"),
     ({re.compile("x+"): 5}, r"route of 'x\+' must be"), ({re.compile(b"x"): "q"}, "pattern of text, not b'x'"),
     ({"a": {"queue": 5}}, "route of 'a' must be .* its queue is a value of type int"),
     ({"a": {"queue": "q", "exchange": 5}}, "its exchange is a value of type int")],
)  # fmt: skip
def test_other_forms_are_refused_in_a_sentence(routes, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        compile_routes(routes)


def test_compiled_routes_are_not_changed_by_a_call():
    routes = compile_routes({"a": {"queue": "q"}})
    routed(routes, declare(Settings()), Call("a", (), {}, {}))["queue"] = "changed"
    assert compile_routes({"a": {"queue": "q"}}) == routes


@given(st.text(), st.dictionaries(st.sampled_from(["priority", "expires"]), st.integers() | st.none()))
def test_every_call_keeps_what_was_written(name, options):
    made = queue(name, options)
    assert {key: value for key, value in options.items() if value is not None}.items() <= made.items()
