"""A file of entries: TOML or JSON, a table for each, with the keys that `beat_schedule` has.

[nightly]
task = "shop.report"
schedule = "30 2 * * *"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec


def read_file(path: str | Path) -> dict[str, Any]:
    """What a file says: name -> entry, not looked at yet.

    Args:
        path: of the file; its suffix says what it holds, .toml or .json.

    Raises:
        ValueError: it cannot be read.

    Example:
        >>> read_file("/no/such.toml")
        Traceback (most recent call last):
        ValueError: /no/such.toml cannot be read: No such file or directory.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
        if path.suffix == ".toml":
            found: Any = tomllib.loads(text.decode())
        elif path.suffix == ".json":
            found = msgspec.json.decode(text)
        else:
            raise ValueError(f"{path} is neither .toml nor .json; write its entries as one of them.")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    if isinstance(found, dict):
        return found
    raise ValueError(f"{path} holds no entries by name; write a table for each, with a task and a schedule.")
