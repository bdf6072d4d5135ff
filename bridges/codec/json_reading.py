"""JSON as devices send it: equal keys, NaN, overlong numbers and extreme depth are found, so that they can be named."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from bridges.codec.texts import read_text
from bridges.codec.values import MAX_DIGITS, read_float, read_integer
from devices.errors import Refusal

MAX_PAYLOAD = 128 * 1024
"""Bytes of one message."""
MAX_DEPTH = 8
"""Objects within objects."""

_LONG_NUMBER = b"0" * (MAX_DIGITS + 1)  # what an overlong number becomes under `_NUMERALS`
_NUMERALS = bytes(ord("0") if char in b"0123456789.eE+-" else ord(" ") for char in range(256))
_decode_json = msgspec.json.Decoder().decode


class RepeatedKeys(dict[str, Any]):
    """An object in which some keys stood more than once: it has the last value of each. `repeats`: the others."""

    repeats: Counter[str]


def check_size(payload: bytes) -> None:
    """Raises the `Refusal` of an empty payload and of one larger than `MAX_PAYLOAD`."""
    if not payload:
        raise Refusal("empty_payload")
    if len(payload) > MAX_PAYLOAD:
        raise Refusal("payload_too_large", f"{len(payload)} bytes")


def parse(payload: bytes) -> Any:
    """The JSON content of a payload. Raises `Refusal` if it is not JSON.

    Where it is, an object may be one of `RepeatedKeys`, a number may not be finite, and in place of a number with too
    many digits stands its `Refusal`. msgspec reads what is valid beyond doubt; `parse_carefully`, several times slower,
    decides the rest.
    """
    check_size(payload)
    if b"\\" not in payload and (len(payload) <= MAX_DIGITS or _LONG_NUMBER not in payload.translate(_NUMERALS)):
        try:
            content = _decode_json(payload)
            # Of two equal keys msgspec silently keeps the last. A payload with no more colons than its keys and texts
            # account for had no such pair.
            colons = payload.count(b":")
            if colons == _count_keys(content, 0) or colons == _count_keys(content, 0) + _count_colons(content):
                return content
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
    return parse_carefully(payload)


def parse_carefully(payload: bytes) -> Any:
    """Like `parse`, with the parser of the standard library only."""
    text = read_text(payload)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=float, parse_int=_integer, parse_float=_float)
    except json.JSONDecodeError as error:
        raise Refusal("invalid_json", f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise Refusal("too_deep") from None


def _count_keys(content: Any, depth: int) -> int:
    # No payload is of use that is nearly this deep, and unbounded recursion would exhaust the stack.
    if depth > 4 * MAX_DEPTH:
        raise RecursionError
    if isinstance(content, dict):
        inner: Iterable[Any] = content.values()
        found = len(content)
    elif isinstance(content, list):
        inner, found = content, 0
    else:
        return 0
    for value in inner:
        kind = type(value)
        if kind is dict or kind is list:
            found += _count_keys(value, depth + 1)
    return found


def _count_colons(content: Any) -> int:
    """The colons within keys and texts. `_count_keys` has bounded the depth."""
    if isinstance(content, str):
        return content.count(":")
    if isinstance(content, dict):
        return sum(key.count(":") + _count_colons(value) for key, value in content.items())
    if isinstance(content, list):
        return sum(map(_count_colons, content))
    return 0


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = RepeatedKeys(found)
    doubled.repeats = Counter(key for key, _ in pairs) - Counter(found.keys())
    return doubled


def _integer(text: str) -> int | Refusal:
    try:
        return read_integer(text)
    except Refusal as refusal:
        return refusal.of("")  # without the traceback


def _float(text: str) -> float | Refusal:
    try:
        return read_float(text)
    except Refusal as refusal:
        return refusal.of("")  # without the traceback
