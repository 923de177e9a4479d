"""Compressed content: a method's names, its content type, and how far it may grow when it is read.

    name             content type            written by
    gzip, zlib       application/x-gzip      zlib (the format is zlib's, as in Celery; gzip's own is read too)
    bzip2, bzip      application/x-bz2       bz2
    lzma, xz         application/x-lzma      lzma
    zstd, zstandard  application/zstd        Python 3.14, before that the extra `zstd`

A message names the method in its header ``compression``. A stored result carries it in front of its bytes:
``\\0celery-compressed\\0`` content type ``\\0`` compressed document.

A few bytes can be made to grow into gigabytes, so nothing is read past a limit, and what would grow past it is refused
before it is there.
Source: the names and types of kombu 5.7 ``kombu.compression``, the form of results of Celery 5.7.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from ..exceptions import ContentTooLarge, DecodeError, EncodeError, ImproperlyConfigured, MissingExtra

_MAGIC: Final = b"\x00celery-compressed\x00"
_MIB: Final = 1 << 20
_EITHER_FORMAT: Final = 32 + zlib.MAX_WBITS  # zlib's header, or gzip's
_LZMA_MEMORY: Final = 256 * _MIB  # its strongest preset takes 65 MiB to read; a stream may ask for 4 GiB


class _Stream(Protocol):
    """What zlib, bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Method(msgspec.Struct, frozen=True):
    """One way to compress.

    Attributes:
        content_type: what messages and results call it.
        compress: bytes -> fewer bytes.
        decompress: (compressed bytes, most bytes that may come out) -> bytes. It may stop anywhere past that number; an
            answer that is longer is refused.
    """

    content_type: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes, int], bytes]


_methods: dict[str, Method] = {}


def register_compression(
    compress: Callable[[bytes], bytes],
    decompress: Callable[[bytes, int], bytes],
    content_type: str,
    aliases: Sequence[str] = (),
) -> None:
    """Add a way to compress, or replace the one of that content type.

    Args:
        compress: bytes -> compressed bytes.
        decompress: gets the compressed bytes and the number of bytes that may come out; it should stop past them.
        content_type: travels with each message.
        aliases: names for ``compression=`` and the settings.

    Example:
        >>> register_compression(lambda data: data[::-1], lambda data, most: data[::-1], "application/x-back", ["back"])
        >>> compress(b"abc", "back"), decompress(b"cba", "application/x-back", 10)
        ((b'cba', 'application/x-back'), b'abc')
    """
    made = Method(content_type, compress, decompress)
    for name in (content_type, *aliases):
        _methods[name] = made


def compression(name: str) -> Method:
    """The method of a name or content type.

    Raises:
        ImproperlyConfigured: nobody registered it.
    """
    found = _methods.get(name)
    if found is None:
        known = ", ".join(sorted(name for name in _methods if "/" not in name))
        raise ImproperlyConfigured(f"There is no compression {name!r}; choose one of: {known}.")
    return found


def compress(data: bytes, name: str) -> tuple[bytes, str]:
    """Compress.

    Args:
        data: the bytes.
        name: name or content type of a method.

    Returns:
        the compressed bytes, and the content type of the method.

    Raises:
        MissingExtra: it needs a package; the sentence has the command to type.
        EncodeError: the method failed.
        ImproperlyConfigured: there is no such method.
    """
    method = compression(name)
    try:
        return method.compress(data), method.content_type
    except MissingExtra:
        raise
    except Exception as error:  # the method may be the user's
        raise EncodeError(f"The content cannot be compressed as {name!r}: {error}.") from error


def decompress(data: bytes, name: str, limit: int) -> bytes:
    """Undo `compress`.

    Args:
        data: the compressed bytes.
        name: the method, as the message names it.
        limit: most bytes that may come out.

    Raises:
        ContentTooLarge: it would grow past the limit.
        DecodeError: the bytes are not what the name says, or nobody knows that name.
        MissingExtra: it needs a package; the sentence has the command to type.
    """
    method = _methods.get(name)
    if method is None:
        raise DecodeError(f"Nothing here can decompress {name!r}.")
    try:
        plain = method.decompress(data, limit)
    except (DecodeError, MissingExtra):
        raise
    except Exception as error:  # the method may be the user's, the bytes anybody's
        raise DecodeError(f"Content compressed as {name!r} cannot be read: {error}.") from error
    if len(plain) > limit:
        raise ContentTooLarge(
            f"Content compressed as {name!r} grows past {limit:,} bytes; raise decompressed_max_size if you trust"
            " whoever sends it."
        )
    return plain


def compress_document(data: bytes, name: str) -> bytes:
    """A result document as Celery stores it under `result_compression`; errors are those of `compress`."""
    small, content_type = compress(data, name)
    return b"%b%b\x00%b" % (_MAGIC, content_type.encode(), small)


def decompress_document(data: bytes, limit: int) -> bytes:
    """A stored result document, decompressed when it was compressed; errors are those of `decompress`."""
    if not data.startswith(_MAGIC):
        return data
    name, _, small = data[len(_MAGIC) :].partition(b"\x00")
    return decompress(small, name.decode("utf-8", "replace"), limit)


def _whole(stream: _Stream, data: bytes, limit: int) -> bytes:
    """One stream, to its end or one byte past the limit."""
    plain = stream.decompress(data, limit + 1)
    if len(plain) <= limit:
        if not stream.eof:
            raise DecodeError("The compressed content is cut short.")
        if stream.unused_data:
            raise DecodeError("The compressed content has bytes after its end.")
    return plain


def _read_gzip(data: bytes, limit: int) -> bytes:
    return _whole(zlib.decompressobj(_EITHER_FORMAT), data, limit)


def _write_bzip2(data: bytes) -> bytes:
    import bz2  # noqa: PLC0415 - not every Python is built with it, and few programs use it

    return bz2.compress(data)


def _read_bzip2(data: bytes, limit: int) -> bytes:
    import bz2  # noqa: PLC0415 - as above

    return _whole(bz2.BZ2Decompressor(), data, limit)


def _write_lzma(data: bytes) -> bytes:
    import lzma  # noqa: PLC0415 - as above

    return lzma.compress(data)


def _read_lzma(data: bytes, limit: int) -> bytes:
    import lzma  # noqa: PLC0415 - as above

    return _whole(lzma.LZMADecompressor(memlimit=_LZMA_MEMORY), data, limit)


def _zstd() -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 - few programs use it
        else:
            from backports import zstd  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise MissingExtra('The compression "zstd" needs a package; type: pip install "umbel[zstd]"') from error
    return zstd


def _write_zstd(data: bytes) -> bytes:
    made: bytes = _zstd().compress(data)
    return made


def _read_zstd(data: bytes, limit: int) -> bytes:
    return _whole(_zstd().ZstdDecompressor(), data, limit)


register_compression(zlib.compress, _read_gzip, "application/x-gzip", ("gzip", "zlib"))
register_compression(_write_bzip2, _read_bzip2, "application/x-bz2", ("bzip2", "bzip"))
register_compression(_write_lzma, _read_lzma, "application/x-lzma", ("lzma", "xz"))
register_compression(_write_zstd, _read_zstd, "application/zstd", ("zstd", "zstandard"))
