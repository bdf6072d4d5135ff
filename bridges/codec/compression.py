"""Payloads that were compressed for transport, as `Content-Encoding` names it in HTTP."""

from __future__ import annotations

import zlib

from bridges.codec.json_reading import MAX_PAYLOAD
from devices.errors import Refusal

_GZIP = 16 + zlib.MAX_WBITS


def decompress(payload: bytes, encoding: str) -> bytes:
    """The payload as it was before. Never makes more of it than `MAX_PAYLOAD` bytes, however little was sent.

    Raises the `Refusal` of an unknown encoding, of one that is damaged, and of a payload that is too large.
    """
    known = encoding.strip().lower()
    if known in ("", "identity"):
        return payload
    if known not in ("gzip", "x-gzip"):
        raise Refusal("unknown_encoding", ascii(encoding[:40]))
    reader = zlib.decompressobj(_GZIP)
    try:
        found = reader.decompress(payload, MAX_PAYLOAD + 1)
    except zlib.error:
        raise Refusal("invalid_gzip") from None
    if len(found) > MAX_PAYLOAD:
        raise Refusal("payload_too_large", "once decompressed")
    if not reader.eof or reader.unused_data:
        raise Refusal("invalid_gzip", "its end is missing" if not reader.eof else "something follows its end")
    return found
