"""From the bytes of a payload to values, by the decoder that a rule names. Pure: raises nothing but `Refusal`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import cbor2
import msgspec

from bridges.codec.compression import decompress
from bridges.codec.json_reading import MAX_DEPTH, check_size, parse
from bridges.codec.reports import scalar
from bridges.codec.texts import read_text
from bridges.sources.mapping.line_protocol import read_lines
from devices.errors import Invalid, Refusal

MAX_NESTED = 4 * MAX_DEPTH
"""Objects and arrays within each other, in any format."""


def decode(decoder: str, payload: bytes) -> Any:
    """Numbers, texts, lists and objects with texts as keys. Raises `Refusal`."""
    *packed, name = decoder.split("+")
    for _ in packed:
        payload = decompress(payload, "gzip")
    check_size(payload)
    return _DECODERS[name](payload)


def check_decoder(decoder: str) -> None:
    """Raises `Invalid`."""
    *packed, name = decoder.split("+")
    if name not in _DECODERS or packed not in ([], ["gzip"]):
        raise Invalid(f"there is no decoder {decoder!r}; there are {', '.join(_DECODERS)}, also with gzip+ before them")


def _cbor(payload: bytes) -> Any:
    try:
        content = cbor2.loads(payload, semantic_decoders=_REFUSED_TAGS, max_depth=MAX_NESTED)
    except Exception as error:  # of many kinds, `MemoryError` and `OverflowError` among them
        raise Refusal("not_readable", f"it is not CBOR: {str(error)[:80]}") from None
    return _plain(content, 0)


def _msgpack(payload: bytes) -> Any:
    try:
        content = msgspec.msgpack.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise Refusal("not_readable", f"it is not MessagePack: {str(error)[:80]}") from None
    return _plain(content, 0)


def _refuse_tag(*_: object) -> Any:
    raise ValueError("it has a tag that is not supported")


_REFUSED_TAGS: dict[int, Any] = dict.fromkeys((4, 5, 25, 28, 29, 30, 35, 256, 258, 260, 261, 43000), _refuse_tag)
"""Tags that make patterns, huge numbers, or content that contains itself."""


def _plain(content: Any, depth: int) -> Any:
    """What JSON could have carried: bytes as hexadecimal digits, times as ISO 8601."""
    if depth > MAX_NESTED:
        raise Refusal("too_deep")
    if isinstance(content, dict):
        return {_key(key): _plain(value, depth + 1) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(value, depth + 1) for value in content]
    if isinstance(content, (bytes, bytearray)):
        return content.hex()
    if isinstance(content, (datetime, date)):
        return content.isoformat()
    if isinstance(content, (Decimal, Fraction)):
        return float(content)
    if isinstance(content, int) and not -(2**63) <= content < 2**64:
        return Refusal("out_of_range")  # one of thousands of digits could not even be shown
    return content if isinstance(content, (str, int, float)) else None


def _key(key: Any) -> str:
    return str(_plain(key, MAX_NESTED))


_DECODERS: dict[str, Callable[[bytes], Any]] = {
    "json": parse,
    "scalar": scalar,
    "text": read_text,
    "cbor": _cbor,
    "msgpack": _msgpack,
    "line-protocol": read_lines,
}
