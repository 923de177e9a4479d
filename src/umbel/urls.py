"""Rules about URLs of stores: what a scheme is, and how a URL is shown without its secrets."""

from __future__ import annotations

import re
from typing import Any, Final

from .exceptions import ImproperlyConfigured

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9.+_-]*)://")
_SENSITIVE: Final = r"[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|credential|api_?key|access_?key)[\w.-]*"
_SECRET_PAIR: Final = re.compile(rf"(?i)\b({_SENSITIVE})=([^&;\s]*)")
_HIDDEN: Final = "**"


def scheme(url: str) -> str:
    """The part before ``://``, in lower case; it names the technology.

    Raises:
        ImproperlyConfigured: the text is no URL.

    Example:
        >>> scheme("sqlite:////var/lib/jobs.db")
        'sqlite'
    """
    found = _SCHEME.match(url)
    if found is None:
        raise ImproperlyConfigured(
            f"{mask_url(url)!r} is no URL of a store; write scheme://..., for instance sqlite:////var/lib/jobs.db "
            "or redis://localhost:6379/0."
        )
    return found[1].lower()


def mask_url(url: str) -> str:
    """A URL as it may be shown: the password, and whatever the query names a secret, replaced by ``**``.

    Args:
        url: any text; several URLs joined by ``;`` are masked one by one.

    Example:
        >>> mask_url("redis://user:hunter2@host:6379/0?token=abc")
        'redis://user:**@host:6379/0?token=**'
    """
    starts = [found.start() for found in _SCHEME.finditer(url) if found.start() == 0 or url[found.start() - 1] == ";"]
    if not starts:
        return _SECRET_PAIR.sub(rf"\1={_HIDDEN}", url)
    ends = [*starts[1:], len(url)]
    return url[: starts[0]] + "".join(_mask_one(url[start:end]) for start, end in zip(starts, ends, strict=True))


def maybe_sanitize_url(url: Any, mask: str = _HIDDEN) -> Any:
    """The same by kombu's name; what is no URL stays as it is.

    Args:
        url: anything.
        mask: what stands for a secret.
    """
    if not isinstance(url, str) or "://" not in url:
        return url
    return mask_url(url) if mask == _HIDDEN else mask_url(url).replace(_HIDDEN, mask)


def _mask_one(url: str) -> str:
    start, _, rest = url.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in place:
        cut = len(place.rpartition("@")[0])
    elif re.search(r":(?!\d*$)", place) and not place.startswith("[") and "@" in rest:
        cut = rest.rindex("@")  # a password with an unescaped slash: hide more rather than less
    else:
        cut = 0
    user, colon, _ = rest[:cut].partition(":")
    shown = f"{user}:{_HIDDEN}" if colon else user
    return f"{start}://{shown}" + _SECRET_PAIR.sub(rf"\1={_HIDDEN}", rest[cut:])
