"""Packets from the bytes of a connection, whatever the pieces in which they arrive, and the bounds of each."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.mqtt.packets import (
    Bounds,
    ConnectPacket,
    InvalidTopic,
    MalformedPacket,
    Packet,
    PacketError,
    PacketReader,
    PacketTooLarge,
    PacketType,
    PingReqPacket,
    PubAckPacket,
    PublishPacket,
    UnexpectedPacket,
    UnsupportedVersion,
    Version,
    codec,
)

# mqtt5 panics on a text that is not UTF-8, and leaves the error behind.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

BOUNDS = Bounds(
    {PacketType.CONNECT: 100, PacketType.PUBLISH: 300, PacketType.PUBACK: 2, PacketType.PINGREQ: 0},
    beginning=50,
    topic=10,
)
ALL_TYPES = Bounds(dict.fromkeys(PacketType, 1_000), beginning=100)
V311 = codec(Version.V311)


def reader(version: Version = Version.V311, bounds: Bounds = BOUNDS) -> PacketReader:
    return PacketReader(bounds, codec(version))


def packets(reading: PacketReader, data: bytes, step: int = 1 << 20) -> list[Packet]:
    found = []
    for position in range(0, len(data), step):
        reading.feed(data[position : position + step])
        found += list(iter(reading.next, None))
    return found


def publish(payload: bytes, topic: str = "a", qos: int = 0) -> bytes:
    return V311.write(PublishPacket(topic, payload, qos, packet_id=7))


@pytest.mark.parametrize("step", [1, 2, 3, 100, 1_000])
def test_only_whole_packets_are_given_out(step: int) -> None:
    reading = reader()
    data = b"\xc0\x00" + publish(b"x" * 200) + b"\x40\x02\x00\x01"
    assert packets(reading, data, step) == [PingReqPacket(), PublishPacket("a", b"x" * 200, size=200), PubAckPacket(1)]
    assert not reading.partial


def test_it_is_partial_within_a_packet() -> None:
    reading = reader()
    assert packets(reading, b"\x40\x02\x00") == []
    assert reading.partial
    assert reading.buffered == 3


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("step", [1, 100, 10_000])
def test_a_message_that_is_too_large_is_cut_and_the_next_packet_is_read(qos: int, step: int) -> None:
    reading = reader()
    head = 3 + 2 * qos
    data = publish(b"x" * (300 - head), qos=qos) + publish(b"y" * (301 - head), qos=qos)
    data += publish(b"z" * 9_000, qos=qos) + b"\xc0\x00"
    *messages, last = packets(reading, data, step)
    assert last == PingReqPacket()
    assert [(len(each.payload), each.size, each.is_cut) for each in messages if isinstance(each, PublishPacket)] == [
        (300 - head, 300 - head, False),
        (50 - head, 301 - head, True),
        (50 - head, 9_000, True),
    ]


def test_a_message_that_is_cut_is_given_out_once_its_rest_has_passed_and_the_rest_is_not_held() -> None:
    reading = reader()
    data = publish(b"x" * 9_000)
    assert packets(reading, data[:5_000]) == []
    assert reading.partial
    assert (reading.skipping, reading.buffered) == (len(data) - 5_000, 0)
    assert packets(reading, data[5_000:-1]) == []
    assert len(packets(reading, data[-1:])) == 1


def test_the_longest_packet_of_mqtt_is_read_past_in_little_memory() -> None:
    reading = reader()
    left, piece = 268_435_455 - 3, bytes(1 << 22)
    assert packets(reading, b"\x30\xff\xff\xff\x7f\x00\x01a") == []
    while left > len(piece):
        assert packets(reading, piece) == []
        assert reading.buffered == 0
        left -= len(piece)
    [message] = packets(reading, piece[:left])
    assert isinstance(message, PublishPacket)
    assert message.size == 268_435_455 - 3


def test_properties_beyond_what_is_held_leave_an_empty_payload_of_the_true_size() -> None:
    reading = PacketReader(BOUNDS, codec(Version.V5, strict=False))
    properties = (b"\x26" + b"\x00\x64" + b"n" * 100 + b"\x00\x64" + b"v" * 100) * 3
    body = b"\x00\x01a\x00\x07" + bytes([len(properties) & 127 | 128, len(properties) >> 7]) + properties + b"payload"
    packet = bytes([0x32, len(body) & 127 | 128, len(body) >> 7]) + body
    assert packets(reading, packet, 100) == [PublishPacket("a", b"", 1, packet_id=7, size=7)]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xe0", UnexpectedPacket),  # even before its length is known
        (b"\x00\x00", UnexpectedPacket),
        (b"\xf0\x80\x80", UnexpectedPacket),
        (b"\x42", MalformedPacket),  # flags that a PUBACK does not have
        (b"\x36\x80", MalformedPacket),  # QoS 3
        (b"\x30\xff\xff\xff\xff", MalformedPacket),  # a length of more than four bytes
        (b"\x40\x03", PacketTooLarge),
        (b"\xc0\x01", PacketTooLarge),
        (b"\x10\xff\xff\x01", PacketTooLarge),
        (b"\x30\xff\x7f\x00\x0b", InvalidTopic),  # of a message that is too large as well
    ],
)
def test_what_the_peer_may_not_send_is_refused_as_soon_as_it_shows(data: bytes, error: type[PacketError]) -> None:
    with pytest.raises(error):
        packets(reader(), data)


def test_a_bound_counts_the_body() -> None:
    assert packets(reader(), b"\x40\x02\x00\x01") == [PubAckPacket(1)]
    assert len(packets(reader(), publish(b"", topic="t" * 298))) == 1


CONNECT_311 = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01b"
CONNECT_31 = b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01b"
CONNECT_5 = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01b"


@pytest.mark.parametrize(
    ("data", "version"), [(CONNECT_31, Version.V31), (CONNECT_311, Version.V311), (CONNECT_5, Version.V5)]
)
def test_the_connect_chooses_the_version_of_a_server_s_connection(data: bytes, version: Version) -> None:
    reading = PacketReader(BOUNDS, versions=list(Version))
    assert packets(reading, data) == [ConnectPacket(version=version, client_id="b")]
    assert reading.codec is not None
    assert reading.codec.version is version


@pytest.mark.parametrize("data", [CONNECT_31, CONNECT_5, b"\x10\x07\x00\x04MQTT\x06", b"\x10\x07\x00\x04MQTT\x03"])
def test_a_version_that_is_not_offered_is_refused_unread(data: bytes) -> None:
    with pytest.raises(UnsupportedVersion):
        packets(PacketReader(BOUNDS, versions=[Version.V311]), data)


@pytest.mark.parametrize("data", [b"\x10\x00", b"\x10\x06\x00\x04MQTT", b"\x10\x07\x00\x04HTTP\x04"])
def test_a_first_packet_that_names_no_version_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        packets(PacketReader(BOUNDS, versions=list(Version)), data)


@given(st.lists(st.binary(max_size=300), max_size=8), st.sampled_from(list(Version)), st.data())
@settings(deadline=None)
def test_the_pieces_do_not_matter(payloads: list[bytes], version: Version, data: st.DataObject) -> None:
    write = codec(version).write
    stream = b"".join(write(PublishPacket("a/b", each, 1, packet_id=i)) for i, each in enumerate(payloads, 1))
    reading, found = reader(version, ALL_TYPES), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += packets(reading, stream[:cut])
        stream = stream[cut:]
    assert [each.payload for each in found if isinstance(each, PublishPacket)] == payloads


@given(st.binary(max_size=400))
@settings(deadline=None)
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("version", list(Version))
def test_any_bytes_give_packets_or_a_packet_error(version: Version, strict: bool, data: bytes) -> None:
    with suppress(PacketError):
        packets(PacketReader(ALL_TYPES, codec(version, strict=strict)), data)
    with suppress(PacketError):
        packets(PacketReader(ALL_TYPES, versions=list(Version)), data)
