"""The packets of MQTT 3.1.1 that come once in a while, from their bytes. Strict: what is read is all there is."""

from __future__ import annotations

from collections.abc import Callable

from .errors import MalformedPacket
from .fields import FieldReader
from .header import PacketType
from .reasons import ReasonCode
from .values import (
    NEVER_EXPIRES,
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PubRecPacket,
    PubRelPacket,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubAckPacket,
    UnsubscribePacket,
    Version,
    Will,
)

PROTOCOL_NAMES = {Version.V31: "MQIsdp", Version.V311: "MQTT"}
RETURN_CODES = (
    ReasonCode.SUCCESS,
    ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode.CLIENT_ID_NOT_VALID,
    ReasonCode.SERVER_UNAVAILABLE,
    ReasonCode.BAD_USER_NAME_OR_PASSWORD,
    ReasonCode.NOT_AUTHORIZED,
)
"""The reason that each return code of a CONNACK stands for, by its number."""
USERNAME, PASSWORD, WILL_RETAIN, WILL_QOS, WILL, CLEAN, RESERVED = 0x80, 0x40, 0x20, 0x18, 0x04, 0x02, 0x01
"""Flags of a CONNECT."""


def _connect(packet: bytes, body: int) -> ConnectPacket:
    fields = FieldReader(packet, body)
    version = _version(fields.text(), fields.byte())
    flags = fields.byte()
    _check_connect_flags(flags)
    keep_alive_s = fields.number()
    client_id = fields.text()
    will = _will(fields, flags) if flags & WILL else None
    username = fields.text() if flags & USERNAME else None
    password = fields.binary() if flags & PASSWORD else None
    fields.end()
    return ConnectPacket(
        version=version,
        client_id=client_id,
        clean_start=flags & CLEAN != 0,
        keep_alive_s=keep_alive_s,
        username=username,
        password=password,
        will=will,
        session_expiry_s=0 if flags & CLEAN else NEVER_EXPIRES,
    )


def _version(name: str, level: int) -> Version:
    for version, its_name in PROTOCOL_NAMES.items():
        if (name, level) == (its_name, version):
            return version
    raise MalformedPacket(f"a CONNECT of protocol {name!r}, level {level}")


def _check_connect_flags(flags: int) -> None:
    if (
        flags & RESERVED
        or (flags & PASSWORD and not flags & USERNAME)
        or flags & WILL_QOS == WILL_QOS
        or (flags & (WILL_QOS | WILL_RETAIN) and not flags & WILL)
    ):
        raise MalformedPacket(f"a CONNECT with the flags {flags:#04x}")


def _will(fields: FieldReader, flags: int) -> Will:
    return Will(fields.topic(), fields.binary(), (flags & WILL_QOS) >> 3, flags & WILL_RETAIN != 0)


def _connack(packet: bytes, body: int) -> ConnAckPacket:
    fields = FieldReader(packet, body)
    flags, code = fields.byte(), fields.byte()
    fields.end()
    if flags > 1 or code >= len(RETURN_CODES):
        raise MalformedPacket(f"a CONNACK with the flags {flags:#04x} and the return code {code}")
    return ConnAckPacket(RETURN_CODES[code], flags == 1)


def _subscribe(packet: bytes, body: int) -> SubscribePacket:
    fields = FieldReader(packet, body)
    packet_id = fields.packet_id()
    subscriptions: list[Subscription] = []
    while not subscriptions or not fields.finished:
        topic_filter, qos = _filter(fields), fields.byte()
        if qos > 2:
            raise MalformedPacket(f"a subscription with QoS {qos}")
        subscriptions.append(Subscription(topic_filter, qos))
    return SubscribePacket(packet_id, tuple(subscriptions))


def _suback(packet: bytes, body: int) -> SubAckPacket:
    fields = FieldReader(packet, body)
    packet_id = fields.packet_id()
    codes: list[ReasonCode] = []
    while not codes or not fields.finished:
        code = fields.byte()
        if code not in (0, 1, 2, ReasonCode.UNSPECIFIED_ERROR):
            raise MalformedPacket(f"a SUBACK with the return code {code}")
        codes.append(ReasonCode(code))
    return SubAckPacket(packet_id, tuple(codes))


def _unsubscribe(packet: bytes, body: int) -> UnsubscribePacket:
    fields = FieldReader(packet, body)
    packet_id = fields.packet_id()
    filters: list[str] = []
    while not filters or not fields.finished:
        filters.append(_filter(fields))
    return UnsubscribePacket(packet_id, tuple(filters))


def _filter(fields: FieldReader) -> str:
    found = fields.text()
    if not found:
        raise MalformedPacket("an empty filter")
    return found


def _only_packet_id(make: Callable[[int], Packet]) -> Callable[[bytes, int], Packet]:
    def read(packet: bytes, body: int) -> Packet:
        fields = FieldReader(packet, body)
        packet_id = fields.packet_id()
        fields.end()
        return make(packet_id)

    return read


def _empty(value: Packet) -> Callable[[bytes, int], Packet]:
    def read(packet: bytes, body: int) -> Packet:
        FieldReader(packet, body).end()
        return value

    return read


READERS: dict[int, Callable[[bytes, int], Packet]] = {
    PacketType.CONNECT: _connect,
    PacketType.CONNACK: _connack,
    PacketType.PUBACK: _only_packet_id(PubAckPacket),
    PacketType.PUBREC: _only_packet_id(PubRecPacket),
    PacketType.PUBREL: _only_packet_id(PubRelPacket),
    PacketType.PUBCOMP: _only_packet_id(PubCompPacket),
    PacketType.SUBSCRIBE: _subscribe,
    PacketType.SUBACK: _suback,
    PacketType.UNSUBSCRIBE: _unsubscribe,
    PacketType.UNSUBACK: _only_packet_id(UnsubAckPacket),
    PacketType.PINGREQ: _empty(PingReqPacket()),
    PacketType.PINGRESP: _empty(PingRespPacket()),
    PacketType.DISCONNECT: _empty(DisconnectPacket()),
}
"""By the packet's type: a function of the whole packet and the place where its body begins."""
