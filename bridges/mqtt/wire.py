"""The MQTT packets of an inbound session, 3.1.1 and 5, as bytes. Pure.

A general client spends 30 µs on each message it receives, most of it on reading a packet byte by byte and on objects
that nobody asks for. This reads what one look at the socket has brought in one go. Properties and reason codes of
MQTT 5 are paho's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

LARGEST = 1 << 20
"""Bytes of a packet that are held. Of a larger one the beginning is, and the rest is read past."""
NEVER_EXPIRES = 0xFFFFFFFF

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

CONNACK_TYPE, PUBLISH_TYPE, SUBACK_TYPE, UNSUBACK_TYPE, PINGRESP_TYPE, DISCONNECT_TYPE = 2, 3, 9, 11, 13, 14


class Malformed(Exception):
    """The broker sent what is no MQTT."""


class Version(IntEnum):
    """The protocol level that a CONNECT asks for."""

    V311 = 4
    V5 = 5

    @property
    def label(self) -> str:
        return "5" if self is Version.V5 else "3.1.1"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to subscribe to. The rest is of MQTT 5 alone: `identifier` comes back with each message (0: none),
    `as_published` keeps the retain flag of live messages, `kept` asks for those that the broker keeps."""

    filter: str
    qos: int = 1
    identifier: int = 0
    as_published: bool = False
    kept: bool = True


class Published(msgspec.Struct, frozen=True, gc=False):
    """A message. `packet_id` is two bytes, empty for QoS 0. `size` is that of the whole payload: of a packet beyond
    `LARGEST` the payload here is the beginning."""

    topic: bytes
    payload: bytes
    packet_id: bytes
    retained: bool
    identifiers: tuple[int, ...]
    size: int


def connect(version: Version, client_id: str, username: str | None, password: str | None, keepalive_s: int) -> bytes:
    """Takes up the persistent session of `client_id`, or begins it."""
    flags = (0x80 if username is not None else 0) | (0x40 if password is not None else 0)
    body = _text("MQTT") + bytes([version, flags]) + keepalive_s.to_bytes(2)
    if version is Version.V5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = NEVER_EXPIRES
        properties.ReceiveMaximum = 0xFFFF
        body += properties.pack()
    body += _text(client_id)
    body += b"".join(_text(text) for text in (username, password) if text is not None)
    return _packet(0x10, body)


def subscribe(version: Version, packet_id: int, subscription: Subscription) -> bytes:
    """One subscription a packet: with MQTT 5 an identifier belongs to the packet."""
    options = subscription.qos
    body = packet_id.to_bytes(2)
    if version is Version.V5:
        properties = Properties(PacketTypes.SUBSCRIBE)
        if subscription.identifier:
            properties.SubscriptionIdentifier = subscription.identifier
        body += properties.pack()
        options |= (0x08 if subscription.as_published else 0) | (0 if subscription.kept else 0x20)
    return _packet(0x82, body + _text(subscription.filter) + bytes([options]))


def unsubscribe(version: Version, packet_id: int, filters: Iterable[str]) -> bytes:
    properties = b"\x00" if version is Version.V5 else b""
    return _packet(0xA2, packet_id.to_bytes(2) + properties + b"".join(map(_text, filters)))


def pubacks(packet_ids: Iterable[bytes]) -> bytes:
    """Acknowledges all these messages."""
    return b"".join([b"\x40\x02" + packet_id for packet_id in packet_ids])


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data


def _packet(first: int, body: bytes) -> bytes:
    length, encoded = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | 0x80 if length else digit)
        if not length:
            return bytes([first]) + bytes(encoded) + body


@dataclass(frozen=True, slots=True)
class Connack:
    session_present: bool
    accepted: bool
    reason: str
    wrong_version: bool


def read_connack(body: bytes, version: Version) -> Connack:
    if len(body) < 2:
        raise Malformed("a CONNACK of less than two bytes")
    code = body[1]
    # An older broker answers a version that it does not know in the form of 3.1.1.
    is_v5 = version is Version.V5 and len(body) > 2
    reason = _reason(PacketTypes.CONNACK, code) if is_v5 else _RETURN_CODES.get(code, f"code {code}")
    return Connack(bool(body[0] & 1), code == 0, reason, wrong_version=code == (0x84 if is_v5 else 0x01))


def read_suback(body: bytes, version: Version) -> tuple[int, str | None]:
    """The packet id, and why the subscription was refused (None where it was not)."""
    if len(body) < 3:
        raise Malformed("a SUBACK of less than three bytes")
    code = body[-1]
    reason = _reason(PacketTypes.SUBACK, code) if version is Version.V5 else "refused"
    return int.from_bytes(body[:2]), reason if code >= 0x80 else None


def read_disconnect(body: bytes) -> str:
    """Why an MQTT 5 broker ends the connection."""
    return _reason(PacketTypes.DISCONNECT, body[0] if body else 0)


def _reason(packet_type: int, code: int) -> str:
    try:
        return str(ReasonCode(packet_type, identifier=code))
    except (KeyError, ValueError, AssertionError):  # no reason for a packet of this type
        return f"reason {code}"


_RETURN_CODES = {
    1: "Unsupported protocol version",
    2: "Client identifier not valid",
    3: "Server unavailable",
    4: "Bad user name or password",
    5: "Not authorized",
}


class Reader:
    """Cuts what a broker sends into packets. Raises `Malformed`."""

    def __init__(
        self, version: Version, on_published: Callable[[Published], None], on_control: Callable[[int, bytes], None]
    ) -> None:
        """`on_control(type, body)` gets all packets but PUBLISH."""
        self._on_published = on_published
        self._on_control = on_control
        self._has_properties = version is Version.V5
        self._rest = b""
        self._to_skip = 0

    def feed(self, data: bytes) -> None:
        """Calls back for each packet that is complete with `data`."""
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        if self._rest:
            data = self._rest + data
        pos, end = 0, len(data)
        while pos + 2 <= end:
            length, body = data[pos + 1], pos + 2
            if length > 127:
                length, body = _long_length(data, pos + 1)
                if not body:
                    break
            stop = body + length
            if stop > end:
                if length > LARGEST and end - body >= LARGEST:
                    self._take(data[pos], data[body:], length)
                    self._to_skip, pos = stop - end, end
                break
            self._take(data[pos], data[body:stop], length)
            pos = stop
        self._rest = data[pos:]

    def _take(self, first: int, body: bytes, length: int) -> None:
        if first & 0xF0 == 0x30:
            self._on_published(self._published(first, body, length))
        else:
            self._on_control(first >> 4, body)

    def _published(self, first: int, body: bytes, length: int) -> Published:
        at = 2 + (body[0] << 8 | body[1]) if len(body) > 1 else 2
        topic, packet_id = body[2:at], b""
        if first & 6:
            packet_id = body[at : at + 2]
            at += 2
        identifiers: tuple[int, ...] = ()
        if self._has_properties:
            if body[at : at + 1] == b"\x00":
                at += 1
            else:
                identifiers, at = _identifiers(body, at)
        if at > len(body) or first & 6 > 2:
            raise Malformed("a PUBLISH that is shorter than it says, or of a QoS that was not asked for")
        return Published(topic, body[at:], packet_id, bool(first & 1), identifiers, length - at)


def _long_length(data: bytes, pos: int) -> tuple[int, int]:
    """A remaining length of more than one byte, and where the body starts; 0 while bytes are missing."""
    value = 0
    for place, byte in enumerate(data[pos : pos + 4]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, pos + place + 1
    if len(data) >= pos + 4:
        raise Malformed("a remaining length of more than four bytes")
    return 0, 0


_SIZES = {0x01: 1, 0x02: 4, 0x23: 2}
_TEXTS = {0x03: 1, 0x08: 1, 0x09: 1, 0x26: 2}
_SUBSCRIPTION_IDENTIFIER = 0x0B


def _identifiers(body: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """The subscription identifiers among a message's properties, and where its payload starts.

    Nothing that a device may put there is an error: to end the session would bring the same message again, for ever.
    The rest of the properties is stepped over unread; where they go on beyond a body that was cut, so does the payload.
    """
    length, at = _number(body, at)
    end = at + length
    found = []
    while at < min(end, len(body)):
        kind = body[at]
        at += 1
        if kind == _SUBSCRIPTION_IDENTIFIER:
            identifier, at = _number(body, at)
            found.append(identifier)
        elif kind in _SIZES:
            at += _SIZES[kind]
        elif kind in _TEXTS:
            for _ in range(_TEXTS[kind]):
                at += 2 + int.from_bytes(body[at : at + 2])
        else:
            break
    return tuple(found), min(end, len(body))


def _number(body: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer, and where it ends."""
    value = 0
    for place, byte in enumerate(body[at : at + 4]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    return value, min(at + 4, len(body))
