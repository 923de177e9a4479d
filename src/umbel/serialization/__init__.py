"""The codec contract: values to bytes and back, and plain JSON to the types that a function asks for.

    codecs.py     names, content types, what may be decoded
    json_form.py  JSON with kombu's forms for dates, decimals, UUIDs and bytes; models as plain JSON
    typed.py      annotation -> function that turns what arrived into what the function expects

Another serializer is one call of `register`.
"""

from __future__ import annotations

from .codecs import Codec, codec, dumps, loads, register
from .json_form import decode_json, encode_json
from .typed import converter

__all__ = ["Codec", "codec", "converter", "decode_json", "dumps", "encode_json", "loads", "register"]
