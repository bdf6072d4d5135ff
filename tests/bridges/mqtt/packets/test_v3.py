"""MQTT 3.1 and 3.1.1 as literal bytes, in both directions."""

from __future__ import annotations

import pytest

from bridges.mqtt.packets import (
    NEVER_EXPIRES,
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    MalformedPacket,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubAckPacket,
    UnsubscribePacket,
    Version,
    Will,
    codec,
)

V311 = codec(Version.V311)

PACKETS: list[tuple[bytes, Packet]] = [
    (
        b"\x10\x17\x00\x04MQTT\x04\xc2\x00\x1e\x00\x01b\x00\x04user\x00\x02pw",
        ConnectPacket(version=Version.V311, client_id="b", keep_alive_s=30, username="user", password=b"pw"),
    ),
    (
        b"\x10\x0d\x00\x04MQTT\x04\x00\x00\x00\x00\x01b",
        ConnectPacket(version=Version.V311, client_id="b", clean_start=False, session_expiry_s=NEVER_EXPIRES),
    ),
    (
        b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01b",
        ConnectPacket(version=Version.V31, client_id="b"),
    ),
    (
        b"\x10\x14\x00\x04MQTT\x04\x2e\x00\x00\x00\x01b\x00\x01t\x00\x02hi",
        ConnectPacket(version=Version.V311, client_id="b", will=Will("t", b"hi", 1, True)),
    ),
    (b"\x20\x02\x00\x00", ConnAckPacket()),
    (b"\x20\x02\x01\x00", ConnAckPacket(session_present=True)),
    (b"\x20\x02\x00\x01", ConnAckPacket(ReasonCode.UNSUPPORTED_PROTOCOL_VERSION)),
    (b"\x20\x02\x00\x02", ConnAckPacket(ReasonCode.CLIENT_ID_NOT_VALID)),
    (b"\x20\x02\x00\x03", ConnAckPacket(ReasonCode.SERVER_UNAVAILABLE)),
    (b"\x20\x02\x00\x04", ConnAckPacket(ReasonCode.BAD_USER_NAME_OR_PASSWORD)),
    (b"\x20\x02\x00\x05", ConnAckPacket(ReasonCode.NOT_AUTHORIZED)),
    (b"\x30\x05\x00\x01ahi", PublishPacket("a", b"hi", size=2)),
    (b"\x31\x03\x00\x01a", PublishPacket("a", b"", retain=True)),
    (b"\x3a\x09\x00\x03a/b\x00\x0ahi", PublishPacket("a/b", b"hi", 1, packet_id=10, dup=True, size=2)),
    (b"\x34\x06\x00\x01a\x01\x00h", PublishPacket("a", b"h", 2, packet_id=256, size=1)),
    (b"\x40\x02\x00\x07", PubAckPacket(7)),
    (b"\x50\x02\x00\x07", PubRecPacket(7)),
    (b"\x62\x02\x00\x07", PubRelPacket(7)),
    (b"\x70\x02\x00\x07", PubCompPacket(7)),
    (b"\x82\x08\x00\x01\x00\x03a/#\x01", SubscribePacket(1, (Subscription("a/#", 1),))),
    (b"\x82\x0a\x00\x01\x00\x01a\x00\x00\x01b\x02", SubscribePacket(1, (Subscription("a", 0), Subscription("b", 2)))),
    (
        b"\x90\x05\x00\x07\x00\x01\x80",
        SubAckPacket(7, (ReasonCode(0), ReasonCode(1), ReasonCode.UNSPECIFIED_ERROR)),
    ),
    (b"\xa2\x08\x00\x02\x00\x01a\x00\x01b", UnsubscribePacket(2, ("a", "b"))),
    (b"\xb0\x02\x00\x02", UnsubAckPacket(2)),
    (b"\xc0\x00", PingReqPacket()),
    (b"\xd0\x00", PingRespPacket()),
    (b"\xe0\x00", DisconnectPacket()),
]


@pytest.mark.parametrize(("data", "packet"), PACKETS, ids=[repr(packet) for _, packet in PACKETS])
def test_a_packet_is_read_from_its_bytes_and_written_to_them(data: bytes, packet: Packet) -> None:
    assert V311.read(data) == packet
    assert V311.write(packet) == data


MALFORMED = {
    "CONNECT of another protocol": b"\x10\x0d\x00\x04HTTP\x04\x02\x00\x00\x00\x01b",
    "CONNECT of MQTT 5": b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01b",
    "CONNECT with the reserved flag": b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x00\x00\x01b",
    "CONNECT with a password and no user": b"\x10\x10\x00\x04MQTT\x04\x42\x00\x00\x00\x01b\x00\x01p",
    "CONNECT with a user flag and no user": b"\x10\x0d\x00\x04MQTT\x04\x82\x00\x00\x00\x01b",
    "CONNECT with a will of QoS 3": b"\x10\x13\x00\x04MQTT\x04\x1e\x00\x00\x00\x01b\x00\x01t\x00\x01p",
    "CONNECT with a will's QoS and no will": b"\x10\x0d\x00\x04MQTT\x04\x0a\x00\x00\x00\x01b",
    "CONNECT with a retained will and no will": b"\x10\x0d\x00\x04MQTT\x04\x22\x00\x00\x00\x01b",
    "CONNECT with bytes left over": b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x01bx",
    "CONNECT with a client id that is not UTF-8": b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01\xff",
    "CONNECT with NUL in its client id": b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01\x00",
    "CONNACK with other flags": b"\x20\x02\x02\x00",
    "CONNACK with an unknown return code": b"\x20\x02\x00\x06",
    "CONNACK of one byte": b"\x20\x01\x00",
    "PUBLISH without a topic": b"\x30\x00",
    "PUBLISH with a topic that reaches beyond it": b"\x30\x03\x00\x05a",
    "PUBLISH of QoS 1 without a packet id": b"\x32\x03\x00\x01a",
    "PUBLISH of QoS 1 with half a packet id": b"\x32\x04\x00\x01a\x01",
    "PUBLISH of QoS 1 with packet id 0": b"\x32\x05\x00\x01a\x00\x00",
    "PUBLISH of QoS 3": b"\x36\x05\x00\x01a\x00\x01",
    "PUBLISH of QoS 0 with DUP": b"\x38\x03\x00\x01a",
    "PUBLISH with a topic that is not UTF-8": b"\x30\x03\x00\x01\xff",
    "PUBLISH with half a surrogate pair in its topic": b"\x30\x05\x00\x03\xed\xa0\x80",
    "PUBACK with packet id 0": b"\x40\x02\x00\x00",
    "PUBACK of three bytes": b"\x40\x03\x00\x01\x00",
    "PUBACK with flags": b"\x42\x02\x00\x01",
    "PUBREL without its flag": b"\x60\x02\x00\x01",
    "SUBSCRIBE without its flag": b"\x80\x06\x00\x01\x00\x01a\x00",
    "SUBSCRIBE without a filter": b"\x82\x02\x00\x01",
    "SUBSCRIBE with an empty filter": b"\x82\x05\x00\x01\x00\x00\x00",
    "SUBSCRIBE with QoS 3": b"\x82\x06\x00\x01\x00\x01a\x03",
    "SUBSCRIBE without a QoS": b"\x82\x05\x00\x01\x00\x01a",
    "SUBACK with an unknown return code": b"\x90\x03\x00\x01\x03",
    "SUBACK without a return code": b"\x90\x02\x00\x01",
    "UNSUBSCRIBE without a filter": b"\xa2\x02\x00\x01",
    "PINGREQ with a body": b"\xc0\x01x",
    "DISCONNECT with a body": b"\xe0\x01\x00",
    "type 0": b"\x00\x00",
    "AUTH, which only MQTT 5 has": b"\xf0\x00",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_bytes_that_do_not_follow_the_protocol_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        V311.read(data)


@pytest.mark.parametrize("length", [0, 1, 120, 121, 16_376, 16_377, 131_072, 2_097_144, 2_097_145])
def test_a_packet_of_any_length_is_read_as_written(length: int) -> None:
    packet = PublishPacket("a/b", b"x" * length, 1, packet_id=513, size=length)
    assert V311.read(V311.write(packet)) == packet


def test_a_client_reads_a_topic_that_is_not_utf_8_as_no_device_s() -> None:
    """To end the session would bring the same message again, for ever."""
    packet = codec(Version.V311, strict=False).read(b"\x32\x05\x00\x01\xff\x00\x07")
    assert packet == PublishPacket("\N{REPLACEMENT CHARACTER}", b"", 1, packet_id=7)


def test_reasons_that_3_1_1_does_not_have_are_written_as_the_nearest() -> None:
    assert V311.write(ConnAckPacket(ReasonCode.QUOTA_EXCEEDED)) == b"\x20\x02\x00\x03"
    assert V311.write(SubAckPacket(7, (ReasonCode.NOT_AUTHORIZED,))) == b"\x90\x03\x00\x07\x80"


def test_a_text_longer_than_mqtt_allows_is_not_written() -> None:
    with pytest.raises(ValueError, match="65536 bytes"):
        V311.write(UnsubscribePacket(1, ("x" * 65_536,)))


def test_a_connect_is_shown_without_its_password() -> None:
    assert "secret" not in repr(ConnectPacket(version=Version.V311, client_id="b", username="u", password=b"secret"))
