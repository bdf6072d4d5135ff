"""The packets that come once in a while: CONNECT, SUBSCRIBE, UNSUBSCRIBE and their answers, by amqtt's codecs.

Those codecs forgive: text that is not UTF-8 is replaced, missing fields are left out, bytes left over are ignored.
So each packet is written again from what was read, and is malformed unless that gives the bytes that came.
"""

from __future__ import annotations

import struct
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from amqtt.adapters import BufferReader
from amqtt.errors import AMQTTError, CodecError, MQTTError, NoDataError
from amqtt.mqtt.connack import (
    CONNECTION_ACCEPTED,
    IDENTIFIER_REJECTED,
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    UNACCEPTABLE_PROTOCOL_VERSION,
    ConnackPacket,
)
from amqtt.mqtt.connect import ConnectPacket
from amqtt.mqtt.packet import MQTTFixedHeader
from amqtt.mqtt.suback import SubackPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsuback import UnsubackPacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket

from .errors import LoginRefused, ProtocolError
from .limits import Limits
from .packets import Message
from .topics import check_topic

__all__ = [
    "NOT_AUTHORIZED",
    "SERVER_UNAVAILABLE",
    "Connect",
    "Will",
    "connack",
    "read_connect",
    "read_subscribe",
    "read_unsubscribe",
    "suback",
    "unsuback",
]

_CODEC_ERRORS = (AMQTTError, CodecError, MQTTError, NoDataError, ValueError, struct.error)
_MQTT_3_1_1 = b"\x00\x04MQTT\x04"
_PROTOCOL_NAMES = (b"\x00\x04MQTT", b"\x00\x06MQIsdp")


@dataclass(frozen=True, slots=True)
class Will:
    message: Message
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT that follows MQTT 3.1.1. Texts are as the client claims, nothing is authenticated."""

    client_id: str
    clean_session: bool
    keep_alive_s: int
    username: str | None
    password: str | None
    will: Will | None

    def __repr__(self) -> str:
        return f"Connect({self.username!r}, {self.client_id!r})"  # without the password: this may reach a log


def read_connect(first: int, body: bytes, limits: Limits) -> Connect:
    """Raises `ProtocolError`, or `LoginRefused` where MQTT has an answer for the client."""
    if not body.startswith(_MQTT_3_1_1):
        if body.startswith(_PROTOCOL_NAMES):
            raise LoginRefused(UNACCEPTABLE_PROTOCOL_VERSION, "protocol_version")
        raise ProtocolError("malformed_packet")
    packet = _read(ConnectPacket, first, body)
    _check_flags(packet)
    client_id_is_bad = packet.client_id_is_random and not packet.clean_session_flag
    if client_id_is_bad or len(packet.client_id.encode()) > limits.client_id_bytes:
        raise LoginRefused(IDENTIFIER_REJECTED, "client_id")
    return Connect(
        client_id=packet.client_id,
        clean_session=packet.clean_session_flag,
        keep_alive_s=packet.keep_alive,
        username=packet.username,
        password=packet.password,
        will=_will(packet, limits) if packet.will_flag else None,
    )


def _check_flags(packet: Any) -> None:
    texts = (packet.client_id, packet.username, packet.password)
    if (
        packet.reserved_flag
        or packet.username_flag != (packet.username is not None)
        or packet.password_flag != (packet.password is not None)
        or (packet.password_flag and not packet.username_flag)
        or packet.will_flag != (packet.will_topic is not None)
        or packet.will_qos > (2 if packet.will_flag else 0)
        or (packet.will_retain_flag and not packet.will_flag)
        or any("\0" in text for text in texts if text)
    ):
        raise ProtocolError("malformed_packet")


def _will(packet: Any, limits: Limits) -> Will:
    topic: str = packet.will_topic
    check_topic(topic, limits)
    message = Message(topic, topic.encode(), bytes(packet.will_message), packet.will_qos)
    return Will(message, packet.will_retain_flag)


def read_subscribe(first: int, body: bytes) -> tuple[int, list[tuple[str, int]]]:
    """The packet id, and the filters with the QoS asked for. Raises `ProtocolError`."""
    packet = _read(SubscribePacket, first, body)
    filters: list[tuple[str, int]] = packet.payload.topics
    if any(qos > 2 for _, qos in filters):
        raise ProtocolError("malformed_packet")
    return _checked(packet, [text for text, _ in filters]), filters


def read_unsubscribe(first: int, body: bytes) -> tuple[int, list[str]]:
    """The packet id and the filters. Raises `ProtocolError`."""
    packet = _read(UnsubscribePacket, first, body)
    filters: list[str] = packet.payload.topics
    return _checked(packet, filters), filters


def _checked(packet: Any, filters: list[str]) -> int:
    packet_id: int = packet.variable_header.packet_id
    if not packet_id or not filters or any(not text or "\0" in text for text in filters):
        raise ProtocolError("malformed_packet")
    return packet_id


def connack(code: int = CONNECTION_ACCEPTED, *, session_present: bool = False) -> bytes:
    return ConnackPacket.build(session_present, code).to_bytes()


def suback(packet_id: int, codes: list[int]) -> bytes:
    return SubackPacket.build(packet_id, codes).to_bytes()


def unsuback(packet_id: int) -> bytes:
    return UnsubackPacket.build(packet_id).to_bytes()


def _read(packet_class: Any, first: int, body: bytes) -> Any:
    header = MQTTFixedHeader(first >> 4, first & 15, len(body))
    try:
        packet = _run(packet_class.from_stream(BufferReader(body), header))
        again = _bytes(packet)
    except _CODEC_ERRORS:
        raise ProtocolError("malformed_packet") from None
    if len(body) != packet.fixed_header.remaining_length or not again.endswith(body):
        raise ProtocolError("malformed_packet")
    return packet


def _bytes(packet: Any) -> bytes:
    if not isinstance(packet, ConnectPacket) or not packet.client_id_is_random:
        return packet.to_bytes()
    # The codec has put a client id of its own where the client sent none; it must not count as a difference.
    given, packet.client_id = packet.client_id, ""
    try:
        return packet.to_bytes()
    finally:
        packet.client_id = given


def _run(reading: Coroutine[Any, Any, Any]) -> Any:
    """The result of a codec that never waits, since all bytes are there."""
    try:
        reading.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("a codec waited for bytes beyond the packet")
