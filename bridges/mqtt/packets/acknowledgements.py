"""The acknowledgements of success: the same four bytes in all versions, so they need neither a codec nor a value."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_PUBACK, _PUBREC, _PUBREL, _PUBCOMP = b"\x40\x02", b"\x50\x02", b"\x62\x02", b"\x70\x02"


def puback(packet_id: int) -> bytes:
    return _PUBACK + packet_id.to_bytes(2)


def pubacks(packet_ids: Sequence[int]) -> bytes:
    """Acknowledges all these messages."""
    return struct.pack(f">{len(packet_ids)}I", *[0x4002_0000 | packet_id for packet_id in packet_ids])


def pubrec(packet_id: int) -> bytes:
    return _PUBREC + packet_id.to_bytes(2)


def pubrel(packet_id: int) -> bytes:
    return _PUBREL + packet_id.to_bytes(2)


def pubcomp(packet_id: int) -> bytes:
    return _PUBCOMP + packet_id.to_bytes(2)
