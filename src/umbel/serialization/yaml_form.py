"""YAML as kombu writes it: PyYAML's safe types (dates, sets and bytes too), with nothing that builds an object.

Structs, dataclasses, attrs classes, Enums and pydantic models become plain values, as in JSON. Aliases are read as long
as what they stand for stays small: ten lines of aliases of aliases can mean more values than a machine has memory.
Source: kombu 5.7 ``kombu.serialization.register_yaml``.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable
from typing import Any, Final

from ..exceptions import DecodeError, EncodeError, MissingExtra
from .json_form import as_plain

_EXACT: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__, bytes: bytes, int: int.__int__, float: float.__float__, dict: dict, list: list, tuple: list
}  # fmt: skip
"""A subclass of these is written as the type itself."""
_MOST: Final = 1_000_000
"""Values that a text may stand for when it is shorter than that; a text without aliases never has more than bytes."""


def encode_yaml(value: Any) -> str:
    """Write a value.

    Raises:
        EncodeError: it holds something that has no form; the sentence names the type.
        MissingExtra: PyYAML is not installed.

    Example:
        >>> encode_yaml({"a": [1, None]})
        'a:\\n- 1\\n- null\\n'
    """
    try:
        text: str = yaml_ready().dump(value, Dumper=_dumper())
    except RecursionError:
        raise EncodeError("The value is nested too deeply.") from None
    return text


def decode_yaml(text: str | bytes) -> Any:
    """Read a value; whatever else is wrong with the text is an exception of PyYAML's or Python's own.

    Raises:
        DecodeError: its aliases stand for too much.
        MissingExtra: PyYAML is not installed.

    Example:
        >>> decode_yaml("[1, {a: 2030-01-02}]")
        [1, {'a': datetime.date(2030, 1, 2)}]
    """
    loader = yaml_ready().SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > max(_MOST, len(text)):
            raise DecodeError("The YAML stands for too many values: its aliases name aliases, or themselves.")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: Any, known: dict[int, float]) -> float:
    """Values in a node when each alias counts as what it stands for; infinite when it stands for itself."""
    found = known.get(id(node))
    if found is None:
        known[id(node)] = math.inf
        found = 1.0
        if not isinstance(node.value, str):
            for inner in node.value:
                found += sum(_size(part, known) for part in (inner if isinstance(inner, tuple) else (inner,)))
        known[id(node)] = found
    return found


def yaml_ready() -> Any:
    """PyYAML.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - of an extra, and slow to import
    except ImportError as error:
        raise MissingExtra('The serializer "yaml" needs a package; type: pip install "umbel[yaml]"') from error
    return yaml


@functools.cache
def _dumper() -> Any:
    """PyYAML's safe dumper, with a form for models and Enums."""
    yaml = yaml_ready()
    made: Any = type("Dumper", (yaml.SafeDumper,), {"serialize": _serialize})
    made.add_multi_representer(object, _represent)
    return made


def _serialize(dumper: Any, node: Any) -> None:
    """What PyYAML calls with a whole value, before it writes: a value that no reader would take is refused here."""
    if _size(node, {}) == math.inf:
        raise EncodeError("The value contains itself.")
    yaml_ready().SafeDumper.serialize(dumper, node)


def _represent(dumper: Any, value: Any) -> Any:
    """A type that the safe dumper does not know."""
    if isinstance(value, enum.Enum):
        return dumper.represent_data(value.value)
    for kind, exact in _EXACT.items():
        if isinstance(value, kind):
            return dumper.represent_data(exact(value))
    return dumper.represent_data(as_plain(value, "YAML"))
