"""What a URL says about a store: which file, how durable, how long to wait for it.

sqlite:///data/app.db        relative to the current folder, as in SQLAlchemy's and Celery's URLs
sqlite:////var/lib/app.db    absolute: four slashes
?durability=full             each commit reaches the disk before the call returns (default: normal, which survives the
                             death of every process, and a power loss without damage, but not the last moments)
?timeout=10                  seconds that a call may wait for the file (default 5)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from ...exceptions import ImproperlyConfigured

Durability = Literal["normal", "full"]

_EXAMPLE: Final = "Write sqlite:///relative/path.db, or sqlite:////absolute/path.db."


class Address(msgspec.Struct, frozen=True):
    """One store.

    Attributes:
        path: absolute path of its file, links resolved.
        durability: "normal" or "full".
        timeout: seconds that a call without a deadline of its own may wait.
        poison: deaths after which a message is not run any more.
    """

    path: str
    durability: Durability = "normal"
    timeout: float = 5.0
    poison: int = 3


def parsed(url: str, options: dict[str, Any]) -> Address:
    """The address that a URL and options name.

    Args:
        url: see the module.
        options: ``durability``, ``timeout``, ``poison_limit``; they win over the URL, other keys are ignored.

    Raises:
        ImproperlyConfigured: the URL or an option cannot work; the sentence says what to write.
    """
    parts = urlsplit(url)
    if parts.netloc:
        raise ImproperlyConfigured(f"{url!r} names a host, but SQLite is a file of this machine. {_EXAMPLE}")
    name = unquote(parts.path.removeprefix("/"))
    if not name or name.endswith("/") or name == ":memory:" or "\0" in name:
        raise ImproperlyConfigured(f"{url!r} names no file. {_EXAMPLE} For one process without a file: memory://")
    given: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(given) - {"durability", "timeout"})
    if unknown:
        raise ImproperlyConfigured(f"{url!r} has an unknown option {unknown[0]!r}. Known: durability, timeout.")
    given.update({key: value for key, value in options.items() if key in {"durability", "timeout", "poison_limit"}})
    return Address(
        path=str(Path(name).expanduser().resolve()),
        durability=_durability(given.get("durability", "normal")),
        timeout=_seconds(given.get("timeout", 5.0)),
        poison=max(1, int(given.get("poison_limit", 3))),
    )


def _durability(value: Any) -> Durability:
    if value == "normal":
        return "normal"
    if value == "full":
        return "full"
    raise ImproperlyConfigured(f"durability is {value!r}; write normal or full.")


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise ImproperlyConfigured(f"timeout is {value!r}; write seconds, for instance 5.")
    return seconds
