"""Payloads as text, without what may surround it. A payload that is not text is refused with a reason of its own."""

from __future__ import annotations

from devices.errors import Refusal

_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_FORMATS = {
    # First bytes -> the format they are typical of. None of them begins a payload in UTF-8.
    b"\x1f\x8b": "gzip",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x08\xf2": "Protobuf, as of Sparkplug B",
}


def read_text(payload: bytes) -> str:
    """The text without a byte order mark, one trailing NUL and surrounding white space.

    Raises the `Refusal` of a payload that is not UTF-8, is empty, or begins or ends with NUL nevertheless.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        known = _format_of(payload)
        if not known and _is_wide(payload):
            raise Refusal("invalid_encoding") from None
        raise Refusal("invalid_utf8", known or f"at byte {error.start}") from None
    text = text.removeprefix("\ufeff").strip().removesuffix("\0").strip()
    if not text:
        raise Refusal("empty_payload")
    if "\0" in text:
        _refuse_nul(payload, text)
    return text


def _refuse_nul(payload: bytes, text: str) -> None:
    """NUL elsewhere is left to the parser: it stands within a string."""
    if _is_wide(payload):
        raise Refusal("invalid_encoding")
    if text.startswith("\0"):
        raise Refusal("nul_character", "the payload begins with it")
    if text.endswith("\0"):
        raise Refusal("nul_character", "the payload ends with more than one")


def _is_wide(payload: bytes) -> bool:
    """Whether it is UTF-16 or UTF-32: every other byte of the punctuation and Latin letters of JSON is zero there."""
    return payload.startswith(_WIDE_BOMS) or payload.count(0) * 3 > len(payload)


def _format_of(payload: bytes) -> str:
    """`looks like …` for a payload in a known binary format, or nothing."""
    for beginning, name in _FORMATS.items():
        if payload.startswith(beginning):
            return f"looks like {name}"
    if 0xA0 <= payload[0] <= 0xBF:
        return "looks like CBOR"
    if 0x80 <= payload[0] <= 0x8F or payload[0] in (0xDE, 0xDF):
        return "looks like MessagePack"
    if payload[0] in (0x08, 0x0A):
        return "looks like Protobuf"
    return ""
