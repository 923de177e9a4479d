"""Compression: names, both directions with kombu 5.7, and bytes that would grow without end."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import tracemalloc
import zlib

import pytest
from celery.backends.base import compress_payload, decompress_payload
from hypothesis import given
from hypothesis import strategies as st
from kombu import compression as kombu

from umbel.exceptions import ContentTooLarge, DecodeError, EncodeError, ImproperlyConfigured, MissingExtra
from umbel.serialization import (
    compress,
    compress_document,
    compression,
    decompress,
    decompress_document,
    register_compression,
)

NAMES = {
    "application/x-gzip": ("gzip", "zlib"), "application/x-bz2": ("bzip2", "bzip"),
    "application/x-lzma": ("lzma", "xz"), "application/zstd": ("zstd", "zstandard"),
}  # fmt: skip
ALL = [*NAMES]
MIB = 2**20
named = pytest.mark.parametrize("kind", ALL)


@pytest.fixture
def registry(monkeypatch):
    """The methods as they were, after the test."""
    where = sys.modules["umbel.serialization.compression"]
    monkeypatch.setattr(where, "_methods", dict(where._methods))


def test_the_names_are_kombus():
    for kind, aliases in NAMES.items():
        for name in (kind, *aliases):
            assert compression(name).content_type == kind == kombu.get_encoder(name)[1]


@given(st.binary(max_size=2000), st.sampled_from(ALL))
def test_both_directions_with_kombu_byte_for_byte(data, kind):
    ours, theirs = compress(data, kind), kombu.compress(data, kind)
    assert ours == theirs
    assert decompress(theirs[0], kind, len(data)) == kombu.decompress(ours[0], kind) == data


@given(st.binary(max_size=2000), st.sampled_from(ALL))
def test_results_in_both_directions_with_celery_byte_for_byte(data, kind):
    ours, theirs = compress_document(data, kind), compress_payload(data, kind)
    assert ours == theirs
    assert decompress_document(theirs, len(data)) == decompress_payload(ours) == data


def test_a_result_that_is_not_compressed_is_left_as_it_is():
    assert decompress_document(b'{"status"', 1) == b'{"status"'


@named
def test_the_limit_is_the_last_number_of_bytes_that_may_come_out(kind):
    small, _ = compress(b"x" * 1000, kind)
    assert decompress(small, kind, 1000) == b"x" * 1000
    with pytest.raises(ContentTooLarge, match="grows past 999 bytes; raise decompressed_max_size"):
        decompress(small, kind, 999)
    assert decompress(compress(b"", kind)[0], kind, 0) == b""


@named
def test_a_bomb_is_refused_before_it_is_there(kind):
    bomb, _ = compress(bytes(60 * MIB), kind)
    assert len(bomb) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(ContentTooLarge):
            decompress(bomb, kind, MIB)
        assert tracemalloc.get_traced_memory()[1] < 30 * MIB
    finally:
        tracemalloc.stop()


def test_a_stream_that_asks_for_much_memory_is_refused():
    asks = lzma.compress(b"x", lzma.FORMAT_ALONE)
    huge = asks[:1] + (2**32 - 1).to_bytes(4, "little") + asks[5:]
    with pytest.raises(DecodeError, match="Memory usage limit"):
        decompress(huge, "lzma", 1000)


@named
@pytest.mark.parametrize("cut", [1, 5])
def test_what_is_cut_short_or_goes_on_is_refused(kind, cut):
    small, _ = compress(b"some bytes", kind)
    for data in (small[:-cut], small + b"x" * cut, b"", b"x" + small):
        with pytest.raises(DecodeError):
            decompress(data, kind, 1000)


@given(st.binary(max_size=300), st.sampled_from([*ALL, "gzip", "", "none", "\x00"]), st.integers(0, 300))
def test_whatever_bytes_arrive_only_the_typed_error_comes_out(data, kind, limit):
    try:
        plain = decompress(data, kind, limit)
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert len(plain) <= limit


@given(st.data(), st.sampled_from(ALL), st.binary(max_size=300))
def test_a_changed_byte_is_noticed_or_harmless(data, kind, plain):
    small = bytearray(compress(plain, kind)[0])
    small[data.draw(st.integers(0, len(small) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = decompress(bytes(small), kind, 1000)
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert len(found) <= 1000


@given(st.binary(max_size=100))
def test_whatever_result_arrives_only_the_typed_error_comes_out(data):
    with pytest.raises(DecodeError):
        decompress_document(b"\x00celery-compressed\x00" + data, 100)


def test_gzips_own_format_is_read_too():
    assert decompress(gzip.compress(b"abc"), "gzip", 3) == b"abc"
    assert zlib.decompress(compress(b"abc", "gzip")[0]) == bz2.decompress(compress(b"abc", "bzip2")[0]) == b"abc"


def test_an_unknown_method_is_named():
    with pytest.raises(ImproperlyConfigured, match=r"no compression 'zap'; choose one of: .*, bzip2, gzip, lzma"):
        compress(b"", "zap")
    with pytest.raises(DecodeError, match="Nothing here can decompress 'application/x-zap'"):
        decompress(b"", "application/x-zap", 1)


def test_a_missing_package_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "compression" if sys.version_info >= (3, 14) else "backports", None)
    sentence = r'^The compression "zstd" needs a package; type: pip install "umbel\[zstd\]"$'
    with pytest.raises(MissingExtra, match=sentence):
        compress(b"", "zstd")
    with pytest.raises(MissingExtra, match=sentence):
        decompress(b"", "application/zstd", 1)


@pytest.mark.usefixtures("registry")
def test_a_method_of_ones_own():
    def fail(*_):
        raise LookupError("oops")

    def back(data, *_):
        return data[::-1]

    register_compression(back, back, "application/x-back", ["back"])
    register_compression(fail, fail, "application/x-bad")
    assert compress(b"abc", "back") == (b"cba", "application/x-back")
    assert decompress(b"cba", "application/x-back", 3) == b"abc"
    with pytest.raises(ContentTooLarge):
        decompress(b"cba", "back", 2)
    with pytest.raises(EncodeError, match="oops"):
        compress(b"abc", "application/x-bad")
    with pytest.raises(DecodeError, match="oops"):
        decompress(b"abc", "application/x-bad", 1)
