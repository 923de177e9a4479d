"""Results that Celery wrote before 5.7: pickles, whatever its serializer was.

Reading a pickle can run any code, so such a column is read with the loader below. It builds plain data only: what JSON
knows, tuples, sets, bytes, dates, decimals and UUIDs. An app with the serializer JSON could not have stored more.
One that names pickle in `result_accept_content` (or `accept_content`) trusts whoever writes to its database, and all is
read.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

from ...exceptions import ContentDisallowed, DecodeError

_MARK: Final = b"\x80"
"""First byte of every pickle since protocol 2; no JSON begins with it."""

_HARMLESS: Final = {
    "builtins": {"bytearray", "complex", "frozenset", "set"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "uuid": {"UUID"},
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _HARMLESS.get(module, ()):
            return super().find_class(module, name)
        raise ContentDisallowed(
            f"A result that an older Celery pickled needs {module}.{name}; add pickle to result_accept_content if you "
            "trust whoever writes to the database."
        )


def is_pickle(data: bytes) -> bool:
    """Whether a column holds a pickle, as far as its first byte says."""
    return data.startswith(_MARK)


def unpickle(data: bytes, *, trusted: bool) -> Any:
    """The value of a pickled column.

    Args:
        data: the column.
        trusted: whether pickle was named as accepted; otherwise plain data only.

    Raises:
        ContentDisallowed: it holds more than plain data.
        DecodeError: it is no pickle.

    Example:
        >>> unpickle(pickle.dumps({"a": (1, None)}), trusted=False)
        {'a': (1, None)}
    """
    try:
        return pickle.loads(data) if trusted else _Plain(io.BytesIO(data)).load()  # noqa: S301 - see the module
    except ContentDisallowed:
        raise
    except Exception as error:  # bytes of any kind raise errors of any kind
        raise DecodeError(f"A pickled result cannot be read: {error}.") from error
