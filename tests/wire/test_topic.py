"""Patterns of topic exchanges, against kombu's own matcher."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from umbel.utils.topic import fits

exchange = pytest.importorskip("kombu.transport.virtual.exchange")

WORDS = st.sampled_from(["a", "b", "ab", "a-b", "A_1", "é", "a b", "(", "$"])
KEYS = st.lists(WORDS, max_size=6).map(".".join)
PATTERNS = st.lists(WORDS | st.sampled_from(["*", "#"]), min_size=1, max_size=6)


def by_kombu(pattern: list[str], key: str) -> bool:
    topic = exchange.TopicExchange(None)
    return topic._match(topic.key_to_pattern(".".join(pattern)), key) is not None


def without_some(pattern: list[str]):
    """The pattern with each choice of its # left out: kombu's # is one word at least, AMQP's may be none."""
    places = [at for at, word in enumerate(pattern) if word == "#"]
    for count in range(len(places) + 1):
        for left_out in itertools.combinations(places, count):
            yield [word for at, word in enumerate(pattern) if at not in left_out]


@given(PATTERNS, KEYS)
@example(["#"], "")
@example(["a", "#"], "a")
@example(["#", "b", "#"], "a.b")
@example(["*", "#", "*"], "a")
def test_it_is_kombus_matcher_where_a_hash_may_be_no_word(pattern, key):
    assert fits(".".join(pattern), key) == any(by_kombu(choice, key) for choice in without_some(pattern))


@given(PATTERNS.filter(lambda words: "#" not in words), KEYS)
def test_without_a_hash_it_is_kombus_matcher(pattern, key):
    assert fits(".".join(pattern), key) == by_kombu(pattern, key)


@given(st.lists(WORDS, min_size=1), st.lists(WORDS), st.lists(WORDS))
def test_a_hash_takes_any_number_of_words(words, before, behind):
    key = ".".join([*before, *words, *behind])
    assert fits(".".join([*before, "#", *behind]), key)
    assert fits(".".join([*before, *("*" for _ in words), *behind]), key)
    assert fits("#", key)
    assert fits(key, key)


@pytest.mark.parametrize(
    ("pattern", "key", "found"),
    [("media.#", "media", True), ("media.#", "media.a.b", True), ("media.*", "media", False), ("*", "", False),
     ("", "", True), ("#", "", True), ("a.#.z", "a.z", True), ("a.#.z", "a.z.b", False), ("#.#", "", True),
     ("a.#.b.#.c", "a.b.x.b.c", True), ("a*", "ab", False), ("a.b", "a.b\n", False)],
)  # fmt: skip
def test_examples(pattern, key, found):
    assert fits(pattern, key) is found


def test_many_hashes_do_not_take_for_ever():
    assert not fits(".".join(["#", "a"] * 40 + ["b"]), ".".join(["a"] * 2000))
