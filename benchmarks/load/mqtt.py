"""The few packets of MQTT 3.1.1 that a load client needs, as bytes. Pure."""

from __future__ import annotations

import struct

CONNACK = b"\x20\x02\x00\x00"
PUBLISH = 0x30
SUBACK = 0x90


def string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("!H", len(encoded)) + encoded


def packet(first: int, body: bytes) -> bytes:
    length, encoded = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | 0x80 if length else digit)
        if not length:
            return bytes([first]) + bytes(encoded) + body


def connect(client_id: str, username: str = "", password: str = "") -> bytes:
    """A clean session without keep-alive."""
    flags = 0b11000010 if username else 0b00000010
    login = string(username) + string(password) if username else b""
    return packet(0x10, string("MQTT") + bytes([4, flags, 0, 0]) + string(client_id) + login)


def subscribe(topic_filter: str) -> bytes:
    """With QoS 0: what is delivered is then the same bytes for everybody."""
    return packet(0x82, b"\x00\x01" + string(topic_filter) + b"\x00")


def publish(topic: str, payload: bytes) -> bytes:
    """With QoS 0, as it is delivered to a subscriber."""
    return packet(PUBLISH, string(topic) + payload)
