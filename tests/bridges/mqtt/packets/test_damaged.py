"""A client reads a PUBLISH whatever its properties: it would come again after each reconnect, and nothing after it."""

from __future__ import annotations

import msgspec
import pytest

from bridges.mqtt.packets import MalformedPacket, PublishPacket, Version, codec

# mqtt5 panics on a text that is not UTF-8, and leaves the error behind.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CLIENT = codec(Version.V5, strict=False)
TEXT = "\ufeffx".encode()  # legal in MQTT, and refused by many a decoder


def publish(properties: bytes, topic: bytes = b"a") -> bytes:
    body = len(topic).to_bytes(2) + topic + b"\x00\x07" + bytes([len(properties)]) + properties + b"hi"
    return bytes([0x33, len(body)]) + body


@pytest.mark.parametrize(
    "properties",
    [
        b"\x26\x00\x06" + TEXT + b"!!\x00\x01b",  # a user property
        b"\x03\x00\x04" + TEXT + b"\x0b\x05",  # content type, then our identifier
        b"\x01\x01\x02\x00\x00\x00\x09\x23\x00\x01\x09\x00\x02hi",
        b"\xee\xff",  # a property that does not exist
        b"\x08\xff\xff",  # a text that reaches beyond the properties
        b"\x26\x00\x01\xff\x00\x01v",  # a text that is not UTF-8
        b"\x23\x00\x00",  # topic alias 0
        b"\x0b\x00",  # subscription identifier 0
    ],
)
def test_no_property_keeps_a_message_from_being_read(properties: bytes) -> None:
    packet = CLIENT.read(publish(properties))
    ids = (5,) if b"\x0b\x05" in properties else ()
    assert isinstance(packet, PublishPacket)
    bare = msgspec.structs.replace(packet, properties=None, expiry_s=None, topic_alias=0)
    assert bare == PublishPacket("a", b"hi", 1, True, 7, size=2, subscription_ids=ids)


def test_a_topic_that_is_not_utf_8_is_not_one_of_any_device() -> None:
    assert CLIENT.read(publish(b"", b"a\xff")) == PublishPacket("a\N{REPLACEMENT CHARACTER}", b"hi", 1, True, 7, size=2)


def test_of_a_message_that_was_cut_the_true_size_is_known() -> None:
    assert CLIENT.read(publish(b"\xee"), 100) == PublishPacket("a", b"hi", 1, True, 7, size=102)


def test_of_properties_that_were_cut_no_payload_is_left() -> None:
    whole = b"\x00\x01a\x00\x07\x64" + b"\xee" * 100 + b"payload"
    cut = b"\x32\x0a" + whole[:10]
    assert CLIENT.read(cut, len(whole) - 10) == PublishPacket("a", b"", 1, packet_id=7, size=7)


@pytest.mark.parametrize(
    "data",
    [
        b"\x32\x06\x00\x01a\x00\x00\x00",  # packet id 0
        b"\x32\x05\x00\x01a\x00\x07",  # no length of properties
        b"\x32\x04\x00\x01a\x00",  # half a packet id
        b"\x36\x06\x00\x01a\x00\x07\x00",  # QoS 3
        b"\x32\x0a\x00\x01a\x00\x07\xff\xff\xff\xff\x01",  # a length of five bytes
    ],
)
def test_where_it_cannot_be_acknowledged_it_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        CLIENT.read(data)
