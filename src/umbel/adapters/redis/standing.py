"""The state of a stored result document: as its head says it, or as it stands beside it.

A result is one value, Celery's document under Celery's key, so that either side reads what the other wrote. Celery's
documents name their state first, in JSON, msgpack and pickle alike, and a few bytes at the head are enough. Where that
is not so (a compressed document, YAML, whose keys are sorted), umbel puts a short note beside it, bound to the document
by its length and first bytes: when Celery has written another one meanwhile, the note says nothing. A document that
Celery compressed has no note, and is decompressed to be understood.
"""

from __future__ import annotations

import re
from typing import Final

from ...exceptions import UmbelError
from ...serialization import decompress_document

HEAD: Final = 96
"""Bytes of a document that are looked at; result_state.lua has the same number."""

_GROWTH: Final = 256 << 20
"""Most bytes that a compressed document may grow to while its state is looked for."""

_JSON: Final = re.compile(rb'{"status": ?"([^"\\]*)"')
_OTHER: Final = re.compile(rb"status.*?([A-Z][A-Z_]+[A-Z])", re.DOTALL)


def note(document: bytes, status: str) -> bytes:
    """What to put beside a document, empty when its head says its state.

    Example:
        >>> note(b'{"status":"SUCCESS","result":5}', "SUCCESS"), note(b"zip", "SUCCESS")
        (b'', b'3 7a6970\\x00SUCCESS')
    """
    found = _JSON.match(document)
    if found is not None and found[1] == status.encode():
        return b""
    return _bound(document) + b"\0" + status.encode()


def standing(document: bytes, beside: bytes | None) -> str:
    """The state of a stored document, empty when nothing says it.

    Example:
        >>> standing(b'{"status": "STARTED", "result": null}', None), standing(b"zip", b"3 7a6970\\x00SUCCESS")
        ('STARTED', 'SUCCESS')
    """
    found = _JSON.match(document)
    if found is None and beside is not None:
        bound, _, status = beside.partition(b"\0")
        if bound == _bound(document):
            return status.decode()
    found = found or _OTHER.search(document[:HEAD])
    if found is None and document.startswith(b"\0celery-compressed"):
        found = _inside(document)
    return found[1].decode(errors="replace") if found else ""


def _inside(document: bytes) -> re.Match[bytes] | None:
    try:
        plain = decompress_document(document, _GROWTH)
    except UmbelError:  # whoever reads the document is told why it cannot be read
        return None
    return _JSON.match(plain) or _OTHER.search(plain[:HEAD])


def _bound(document: bytes) -> bytes:
    return f"{len(document)} {document[:HEAD].hex()}".encode()
