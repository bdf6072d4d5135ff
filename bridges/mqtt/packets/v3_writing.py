"""The bytes of MQTT 3.1.1 packets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .acknowledgements import puback, pubcomp, pubrec, pubrel
from .fields import binary_field, text_field
from .header import DUP, RETAIN, PacketType, encode_length, first_byte, with_header
from .reasons import ReasonCode
from .v3_reading import CLEAN, PASSWORD, PROTOCOL_NAMES, RETURN_CODES, USERNAME, WILL, WILL_RETAIN
from .values import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    SubAckPacket,
    SubscribePacket,
    UnsubAckPacket,
    UnsubscribePacket,
)

_OTHER_REFUSAL = RETURN_CODES.index(ReasonCode.SERVER_UNAVAILABLE)
"""For reasons that 3.1.1 does not have: the client may try again later."""


def _connect(packet: ConnectPacket) -> bytes:
    will = packet.will
    flags = CLEAN if packet.clean_start else 0
    fields = [text_field(packet.client_id)]
    if will is not None:
        flags |= WILL | will.qos << 3 | (WILL_RETAIN if will.retain else 0)
        fields += [text_field(will.topic), binary_field(will.payload)]
    if packet.username is not None:
        flags |= USERNAME
        fields.append(text_field(packet.username))
    if packet.password is not None:
        flags |= PASSWORD
        fields.append(binary_field(packet.password))
    name = text_field(PROTOCOL_NAMES[packet.version])
    head = name + bytes((packet.version, flags)) + packet.keep_alive_s.to_bytes(2)
    return _packet(PacketType.CONNECT, head + b"".join(fields))


def _connack(packet: ConnAckPacket) -> bytes:
    known = packet.reason_code in RETURN_CODES
    code = RETURN_CODES.index(packet.reason_code) if known else _OTHER_REFUSAL
    return _packet(PacketType.CONNACK, bytes((packet.session_present, code)))


def publish(packet: PublishPacket, properties: bytes = b"") -> bytes:
    """`properties`: those of MQTT 5, with their length."""
    topic, payload, qos = packet.topic.encode(), packet.payload, packet.qos
    first = 0x30 | qos << 1 | (RETAIN if packet.retain else 0) | (DUP if packet.dup else 0)
    size, packet_id = len(topic), packet.packet_id.to_bytes(2) if qos else b""
    length = 2 + size + len(packet_id) + len(properties) + len(payload)
    header = bytes((first, length)) if length < 128 else bytes((first,)) + encode_length(length)
    return b"".join((header, size.to_bytes(2), topic, packet_id, properties, payload))


def _subscribe(packet: SubscribePacket) -> bytes:
    subscriptions = [text_field(each.filter) + bytes((each.qos,)) for each in packet.subscriptions]
    return _packet(PacketType.SUBSCRIBE, packet.packet_id.to_bytes(2) + b"".join(subscriptions))


def _suback(packet: SubAckPacket) -> bytes:
    codes = bytes(min(code, ReasonCode.UNSPECIFIED_ERROR) for code in packet.reason_codes)
    return _packet(PacketType.SUBACK, packet.packet_id.to_bytes(2) + codes)


def _unsubscribe(packet: UnsubscribePacket) -> bytes:
    return _packet(PacketType.UNSUBSCRIBE, packet.packet_id.to_bytes(2) + b"".join(map(text_field, packet.filters)))


def _unsuback(packet: UnsubAckPacket) -> bytes:
    return _packet(PacketType.UNSUBACK, packet.packet_id.to_bytes(2))


def _packet(kind: PacketType, body: bytes) -> bytes:
    return with_header(first_byte(kind), body)


WRITERS: dict[type, Callable[[Any], bytes]] = {
    ConnectPacket: _connect,
    ConnAckPacket: _connack,
    PublishPacket: publish,
    PubAckPacket: lambda packet: puback(packet.packet_id),
    PubRecPacket: lambda packet: pubrec(packet.packet_id),
    PubRelPacket: lambda packet: pubrel(packet.packet_id),
    PubCompPacket: lambda packet: pubcomp(packet.packet_id),
    SubscribePacket: _subscribe,
    SubAckPacket: _suback,
    UnsubscribePacket: _unsubscribe,
    UnsubAckPacket: _unsuback,
    PingReqPacket: lambda _: b"\xc0\x00",
    PingRespPacket: lambda _: b"\xd0\x00",
    DisconnectPacket: lambda _: b"\xe0\x00",
}
"""By the value's class."""
