"""Slots: how a cluster spreads keys over its nodes, and the hash tag that keeps all keys of one store together.

A key belongs to one of 16,384 slots by the CRC16 of its hash tag, what stands between the first ``{`` and the next
``}``, or of the whole key when there is none. All keys of a store begin with the same tag: a script may touch only keys
of one slot, and a claim, a settle, a rescue touch many.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

SLOTS: Final = 16_384

_TAG: Final = re.compile(r"[^{]*\{([^}]+)\}")
_STEM: Final = re.compile(r"(.*?)([:_.-]*)", re.DOTALL)


def tagged(prefix: str) -> str:
    """A prefix of keys with a hash tag: the one that it has, or itself as one.

    Example:
        >>> tagged(""), tagged("shop:"), tagged("shop"), tagged("{eu}shop:")
        ('{umbel}:', '{shop}:', '{shop}', '{eu}shop:')
    """
    if _TAG.match(prefix):
        return prefix
    found = _STEM.fullmatch(prefix)
    stem, end = found.groups() if found else (prefix, "")
    return f"{{{stem or 'umbel'}}}{end if stem else ':'}"


def slot(key: str) -> int:
    """The slot of a key.

    Example:
        >>> slot("{user1000}.following") == slot("{user1000}.followers") == 3443
        True
    """
    found = _TAG.match(key)
    return binascii.crc_hqx((found[1] if found else key).encode(), 0) % SLOTS
