"""The codec contract: values to bytes and back, and plain JSON to the types that a function asks for.

    codecs.py        names, content types, what may be decoded
    compression.py   names of methods, the bound of what is decompressed, the form of compressed results
    json_form.py     JSON with kombu's forms for dates, decimals, UUIDs and bytes; models as plain JSON
    msgpack_form.py, yaml_form.py   what kombu writes in these, and no more
    texts.py         the same JSON as text, by kombu's names
    typed.py         annotation -> function that turns what arrived into what the function expects

Another serializer is one call of `register`, another compression one of `register_compression`, and another type in
JSON one of `register_type`.
"""

from __future__ import annotations

from .codecs import Codec, acceptable, codec, dumps, is_own_json, loads, register, unregister
from .compression import (
    compress,
    compress_document,
    compression,
    decompress,
    decompress_document,
    register_compression,
)
from .json_form import decode_json, encode_json, register_type
from .texts import dumps_json, loads_json
from .typed import converter

__all__ = [
    "Codec", "acceptable", "codec", "compress", "compress_document", "compression", "converter", "decode_json",
    "decompress", "decompress_document", "dumps", "dumps_json", "encode_json", "is_own_json", "loads", "loads_json",
    "register", "register_compression", "register_type", "unregister",
]  # fmt: skip
