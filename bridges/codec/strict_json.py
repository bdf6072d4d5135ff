"""JSON, strictly: equal keys, NaN, overlong numbers and extreme depth are refused by name instead of read somehow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import msgspec

from bridges.codec.values import MAX_DIGITS, read_float, read_integer
from devices.errors import Refusal

MAX_PAYLOAD = 128 * 1024
"""Bytes of one message."""
MAX_DEPTH = 8
"""Objects within objects."""

_LONG_NUMBER = b"0" * (MAX_DIGITS + 1)  # what an overlong number becomes under `_NUMERALS`
_NUMERALS = bytes(ord("0") if char in b"0123456789.eE+-" else ord(" ") for char in range(256))
_decode_json = msgspec.json.Decoder().decode


def check_size(payload: bytes) -> None:
    """Raises the `Refusal` of an empty payload and of one larger than `MAX_PAYLOAD`."""
    if not payload:
        raise Refusal("empty_payload")
    if len(payload) > MAX_PAYLOAD:
        raise Refusal("payload_too_large", f"{len(payload)} bytes")


def parse(payload: bytes) -> Any:
    """The JSON content of a payload. Raises `Refusal`.

    msgspec reads what is valid beyond doubt; `parse_carefully`, several times slower, decides the rest and names what
    is wrong with it.
    """
    check_size(payload)
    if b"\\" not in payload and (len(payload) <= MAX_DIGITS or _LONG_NUMBER not in payload.translate(_NUMERALS)):
        try:
            content = _decode_json(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return parse_carefully(payload)
        # Of two equal keys msgspec silently keeps the last. A payload with no more colons than its keys and texts
        # account for had no such pair.
        colons = payload.count(b":")
        if colons == _count_keys(content, 0) or colons == _count_keys(content, 0) + _count_colons(content):
            return content
    return parse_carefully(payload)


def parse_carefully(payload: bytes) -> Any:
    """Like `parse`, with the parser of the standard library only."""
    if json.detect_encoding(payload) not in ("utf-8", "utf-8-sig"):
        raise Refusal("invalid_encoding")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise Refusal("invalid_utf8", f"at byte {error.start}") from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=read_integer,
            parse_float=read_float,
        )
    except json.JSONDecodeError as error:
        raise Refusal("invalid_json", f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise Refusal("too_deep") from None


def _count_keys(content: Any, depth: int) -> int:
    # No valid payload is nearly this deep, and unbounded recursion would exhaust the stack.
    if depth > 4 * MAX_DEPTH:
        raise Refusal("too_deep")
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
    if len(found) != len(pairs):
        raise Refusal("duplicate_key")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise Refusal("not_finite", text)
