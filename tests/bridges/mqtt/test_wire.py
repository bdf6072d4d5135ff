"""Packets as literal bytes, in whatever pieces they come."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.mqtt import wire
from bridges.mqtt.wire import Malformed, Published, Reader, Subscription, Version


class Taken:
    def __init__(self) -> None:
        self.messages: list[Published] = []
        self.control: list[tuple[int, bytes]] = []

    def reader(self, version: Version = Version.V311) -> Reader:
        return Reader(version, self.messages.append, lambda kind, body: self.control.append((kind, body)))


def read(data: bytes, version: Version = Version.V311) -> Taken:
    taken = Taken()
    taken.reader(version).feed(data)
    return taken


def test_a_connect_of_3_1_1() -> None:
    packet = wire.connect(Version.V311, "b", "user", "pw", 30)
    assert packet == b"\x10\x17\x00\x04MQTT\x04\xc0\x00\x1e\x00\x01b\x00\x04user\x00\x02pw"


def test_a_connect_of_5_keeps_its_session_for_good() -> None:
    packet = wire.connect(Version.V5, "b", None, None, 30)
    assert packet == b"\x10\x16\x00\x04MQTT\x05\x00\x00\x1e\x08\x11\xff\xff\xff\xff\x21\xff\xff\x00\x01b"


def test_subscribing() -> None:
    assert wire.subscribe(Version.V311, 1, Subscription("a/#")) == b"\x82\x08\x00\x01\x00\x03a/#\x01"
    packet = wire.subscribe(Version.V5, 1, Subscription("a/#", identifier=2, as_published=True))
    assert packet == b"\x82\x0b\x00\x01\x02\x0b\x02\x00\x03a/#\x09"
    assert wire.subscribe(Version.V5, 1, Subscription("a/#", kept=False)) == b"\x82\x09\x00\x01\x00\x00\x03a/#\x21"
    assert wire.unsubscribe(Version.V5, 2, ["a", "b"]) == b"\xa2\x09\x00\x02\x00\x00\x01a\x00\x01b"
    assert wire.unsubscribe(Version.V311, 2, ["a"]) == b"\xa2\x05\x00\x02\x00\x01a"


def test_acknowledgements_leave_together() -> None:
    assert wire.pubacks([b"\x00\x01", b"\x00\x02"]) == b"\x40\x02\x00\x01\x40\x02\x00\x02"


@pytest.mark.parametrize(
    ("data", "version", "published"),
    [
        (b"\x30\x05\x00\x01ahi", Version.V311, Published(b"a", b"hi", b"", False, (), 2)),
        (b"\x32\x07\x00\x01a\x00\x09hi", Version.V311, Published(b"a", b"hi", b"\x00\x09", False, (), 2)),
        (b"\x33\x06\x00\x01a\x00\x09\x00", Version.V5, Published(b"a", b"", b"\x00\x09", True, (), 0)),
        (b"\x30\x07\x00\x01a\x02\x0b\x01x", Version.V5, Published(b"a", b"x", b"", False, (1,), 1)),
    ],
)
def test_a_message(data: bytes, version: Version, published: Published) -> None:
    assert read(data, version).messages == [published]


def test_other_properties_of_a_message_are_no_part_of_its_payload() -> None:
    properties = b"\x0f\x03\x00\x0ctext/plain!!"  # content type
    body = b"\x00\x01a" + properties + b"payload"
    assert read(bytes([0x30, len(body)]) + body, Version.V5).messages[0].payload == b"payload"


TEXT = "\ufeffx".encode()  # legal in MQTT, and refused by many a decoder


@pytest.mark.parametrize(
    "properties",
    [
        b"\x26\x00\x06" + TEXT + b"!!\x00\x01b",  # a user property
        b"\x03\x00\x04" + TEXT + b"\x0b\x05",  # content type, then our identifier
        b"\x01\x01\x02\x00\x00\x00\x09\x23\x00\x01\x09\x00\x02hi",
        b"\xee\xff",  # none that there is
        b"\x08\xff\xff",  # a text that ends beyond them
    ],
)
def test_no_property_that_a_device_sends_ends_the_session(properties: bytes) -> None:
    """The message would come again with the next one, for ever, and nothing after it."""
    body = b"\x00\x01a\x00\x07" + bytes([len(properties)]) + properties + b"hi"
    [message] = read(bytes([0x32, len(body)]) + body, Version.V5).messages
    assert (message.payload, message.packet_id) == (b"hi", b"\x00\x07")
    assert message.identifiers == ((5,) if b"\x0b\x05" in properties else ())


def test_properties_that_go_on_beyond_what_is_held_leave_an_empty_payload_of_the_true_size() -> None:
    taken = Taken()
    reader = taken.reader(Version.V5)
    properties = b"\x26" + b"\xff\xff" + b"n" * 65_535 + b"\xff\xff" + b"v" * 65_535
    properties *= 10
    number = bytes([len(properties) & 127 | 128, len(properties) >> 7 & 127 | 128, len(properties) >> 14])
    packet = wire._packet(0x32, b"\x00\x01a\x00\x07" + number + properties + b"payload")
    for start in range(0, len(packet), 1 << 18):
        reader.feed(packet[start : start + (1 << 18)])
    [message] = taken.messages
    assert (message.payload, message.packet_id, message.size > 0) == (b"", b"\x00\x07", True)


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (b"\x30\x00", Version.V311),  # no topic
        (b"\x30\x03\x00\x05a", Version.V311),  # a topic that ends beyond the packet
        (b"\x32\x03\x00\x01a", Version.V311),  # no packet id
        (b"\x34\x05\x00\x01a\x00\x01", Version.V311),  # QoS 2, which was not asked for
        (b"\x30\xff\xff\xff\xff\x01", Version.V311),  # a length of five bytes
    ],
)
def test_what_is_no_mqtt_is_named(data: bytes, version: Version) -> None:
    with pytest.raises(Malformed):
        read(data, version)


def test_of_a_packet_that_is_far_too_large_the_beginning_is_read_and_the_rest_is_not_held() -> None:
    taken, length = Taken(), 5 << 20
    reader = taken.reader()
    head = b"\x32" + b"\x80\x80\xc0\x02" + b"\x00\x01a\x00\x07"
    reader.feed(head + b"x" * (wire.LARGEST + 100))
    assert [(message.size, len(message.payload) < 2 * wire.LARGEST) for message in taken.messages] == [
        (length - 5, True)
    ]
    left = length - 5 - (wire.LARGEST + 100)
    while left > 0:
        reader.feed(b"x" * min(left, 1 << 18) + (b"\xd0\x00" if left <= 1 << 18 else b""))
        left -= 1 << 18
    assert taken.control == [(wire.PINGRESP_TYPE, b"")]
    assert len(taken.messages) == 1


@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
@settings(deadline=None)
def test_the_pieces_do_not_matter(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(wire._packet(0x32, b"\x00\x03a/b" + i.to_bytes(2) + p) for i, p in enumerate(payloads, 1))
    taken = Taken()
    reader = taken.reader()
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:cut])
        stream = stream[cut:]
    assert [message.payload for message in taken.messages] == payloads


@given(st.binary(max_size=400))
@settings(deadline=None)
@pytest.mark.parametrize("version", list(Version))
def test_any_bytes_give_packets_or_malformed(version: Version, data: bytes) -> None:
    with suppress(Malformed):
        read(data, version)


def test_a_login_s_answer() -> None:
    assert wire.read_connack(b"\x01\x00", Version.V311) == wire.Connack(True, True, "code 0", False)
    refused = wire.read_connack(b"\x00\x87\x00", Version.V5)
    assert (refused.accepted, refused.reason, refused.wrong_version) == (False, "Not authorized", False)
    assert wire.read_connack(b"\x00\x05", Version.V311).reason == "Not authorized"


@pytest.mark.parametrize("body", [b"\x00\x01", b"\x00\x84\x00"])
def test_a_version_that_the_broker_does_not_speak(body: bytes) -> None:
    assert wire.read_connack(body, Version.V5).wrong_version


def test_the_answer_to_a_subscription() -> None:
    assert wire.read_suback(b"\x00\x07\x01", Version.V311) == (7, None)
    assert wire.read_suback(b"\x00\x07\x80", Version.V311) == (7, "refused")
    assert wire.read_suback(b"\x00\x07\x00\x87", Version.V5) == (7, "Not authorized")
    with pytest.raises(Malformed):
        wire.read_suback(b"\x00", Version.V5)


def test_why_a_broker_ends_the_connection() -> None:
    assert wire.read_disconnect(b"\x8e\x00") == "Session taken over"
    assert wire.read_disconnect(b"") == "Normal disconnection"
    assert wire.read_disconnect(b"\x01") == "reason 1"
