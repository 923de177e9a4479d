from __future__ import annotations

import pytest

from umbel import loading
from umbel.adapters.memory import discard_store, open_store
from umbel.message import Parcel
from umbel.record import Record


@pytest.fixture
def url():
    url = "memory://names"
    yield url
    discard_store(url)


def test_whoever_opens_a_name_gets_the_same_store(url):
    loading.open_broker(url, {}).publisher().publish([Parcel("q", "a", "task", b"{}", b"[]")])
    loading.open_backend(url, {}).store([Record("b", "SUCCESS", b"{}")])
    assert loading.open_broker(url, {}).shelf().find("a")
    assert loading.open_backend(url, {}).known("a")
    assert loading.open_backend(url, {}).fetch(["b"])


def test_another_name_is_another_store(url):
    loading.open_broker(url, {}).publisher().publish([Parcel("q", "a", "task", b"{}", b"[]")])
    assert loading.open_broker("memory://other-names", {}).shelf().counts() == []
    discard_store("memory://other-names")


def test_a_discarded_store_is_forgotten(url):
    before = open_store(url)
    discard_store(url)
    discard_store(url)
    assert open_store(url) is not before


def test_slashes_around_a_name_mean_nothing():
    assert open_store("memory://") is open_store("memory:///")
    assert open_store("memory://names-with/path/") is open_store("memory://names-with/path")
    discard_store("memory://names-with/path")
