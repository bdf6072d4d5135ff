"""MQTT 5, read and written by `mqtt5`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mqtt5

from .damaged import read_damaged_publish
from .errors import MalformedPacket
from .header import PUBLISH_FLAGS, are_flags_valid
from .v3_reading import RETURN_CODES
from .v5_reading import READERS, publish
from .v5_writing import WRITERS
from .values import ConnAckPacket, Packet, PublishPacket, Version

_PUBLISH, _CONNACK = 0x30, 0x20
_Publish = mqtt5.PublishPacket
_read: Callable[[bytes], tuple[Any, int]] = mqtt5.read  # type: ignore[assignment]  # it reads any buffer


class V5Codec:
    __slots__ = ("_strict",)

    version = Version.V5

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def read(self, packet: bytes, missing: int = 0) -> Packet:
        if packet[0] & 0xF0 == _PUBLISH and (plain := _plain_publish(packet, missing)) is not None:
            return plain
        try:
            found, _ = _read(packet)
            if type(found) is _Publish:
                return publish(found, *PUBLISH_FLAGS[packet[0] & 15], missing)
        except BaseException as error:
            if not _is_refusal(error):
                raise
            return self._read_otherwise(packet, missing, str(error))
        return READERS[type(found)](found)

    def write(self, packet: Packet) -> bytes:
        return WRITERS[type(packet)](packet)

    def _read_otherwise(self, packet: bytes, missing: int, why: str) -> Packet:
        first = packet[0]
        if first & 0xF0 == _PUBLISH and not self._strict:
            return read_damaged_publish(packet, missing)
        if first == _CONNACK and len(packet) == 4 and packet[3] < len(RETURN_CODES):
            # A broker that does not know MQTT 5 answers in the form of 3.1.1.
            return ConnAckPacket(RETURN_CODES[packet[3]], packet[2] == 1)
        raise MalformedPacket(why)


def _plain_publish(packet: bytes, missing: int) -> PublishPacket | None:
    """A message without properties, as most are: by hand, in half the time. None: for mqtt5 to read, or to refuse."""
    begin = 4
    while packet[begin - 3] > 127 and begin < 7:
        begin += 1
    whole = len(packet)
    end = begin + (packet[begin - 2] << 8 | packet[begin - 1]) if begin <= whole else whole
    qos, retain, dup = PUBLISH_FLAGS[packet[0] & 15]
    at = end + 2 if qos else end
    if at >= whole or packet[at] or not are_flags_valid(packet[0]):
        return None
    packet_id = packet[end] << 8 | packet[end + 1] if qos else 0
    try:
        topic = packet[begin:end].decode()
    except UnicodeDecodeError:
        return None
    if not topic or (qos and not packet_id):
        return None
    payload = packet[at + 1 :]
    return PublishPacket(topic, payload, qos, retain, packet_id, dup, len(payload) + missing)


def _is_refusal(error: BaseException) -> bool:
    """Whether mqtt5 gave up on the bytes. On a text that is not UTF-8 it panics, which is not an `Exception`."""
    return isinstance(error, ValueError | IndexError | MalformedPacket) or type(error).__name__ == "PanicException"
