"""The packets that a peer may send: their types, and the largest body of each."""

from __future__ import annotations

from collections.abc import Mapping

from .header import PacketType, are_flags_valid

MALFORMED, UNEXPECTED = -2, -1


class Bounds:
    """`largest` names the expected packet types, with the bytes of the largest body of each.

    A PUBLISH with a larger body is not refused: `beginning` bytes of its body are kept, and the rest is read past. In
    one of those a topic of more than `topic` bytes is an error as soon as its length is known.
    """

    __slots__ = ("beginning", "by_first_byte", "topic")

    def __init__(self, largest: Mapping[PacketType, int], *, beginning: int = 0, topic: int = 65_535) -> None:
        self.beginning = beginning
        self.topic = topic
        self.by_first_byte = tuple(_bound(first, largest) for first in range(256))
        """For a packet's first byte the bytes of its largest body, or `MALFORMED` or `UNEXPECTED`."""


def _bound(first: int, largest: Mapping[PacketType, int]) -> int:
    kind = first >> 4
    if not kind or kind not in largest:
        return UNEXPECTED
    return largest[PacketType(kind)] if are_flags_valid(first) else MALFORMED
