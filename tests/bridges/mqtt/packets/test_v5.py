"""MQTT 5 as literal bytes, and what `mqtt5` lets pass or cannot cope with."""

from __future__ import annotations

import pytest

from bridges.mqtt.packets import (
    NEVER_EXPIRES,
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    MalformedPacket,
    MessageProperties,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    RetainHandling,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    UnsubAckPacket,
    UnsubscribePacket,
    Version,
    Will,
    codec,
)

# mqtt5 panics on a text that is not UTF-8, and leaves the error behind.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

V5 = codec(Version.V5)

PACKETS: list[tuple[bytes, Packet]] = [
    (
        b"\x10\x13\x00\x04MQTT\x05\x00\x00\x1e\x05\x11\xff\xff\xff\xff\x00\x01b",
        ConnectPacket(
            version=Version.V5, client_id="b", clean_start=False, keep_alive_s=30, session_expiry_s=NEVER_EXPIRES
        ),
    ),
    (
        b"\x10\x1d\x00\x04MQTT\x05\xee\x00\x00\x00\x00\x01b\x00\x00\x01t\x00\x02hi\x00\x01u\x00\x02pw",
        ConnectPacket(version=Version.V5, client_id="b", username="u", password=b"pw", will=Will("t", b"hi", 1, True)),
    ),
    (b"\x20\x03\x01\x00\x00", ConnAckPacket(session_present=True)),
    (b"\x20\x03\x00\x87\x00", ConnAckPacket(ReasonCode.NOT_AUTHORIZED)),
    (b"\x33\x06\x00\x01a\x00\x09\x00", PublishPacket("a", b"", 1, True, 9)),
    (b"\x30\x07\x00\x01a\x02\x0b\x01x", PublishPacket("a", b"x", size=1, subscription_ids=(1,))),
    (b"\x3c\x08\x00\x01a\x00\x09\x00hi", PublishPacket("a", b"hi", 2, packet_id=9, dup=True, size=2)),
    (b"\x40\x02\x00\x07", PubAckPacket(7)),
    (b"\x50\x02\x00\x07", PubRecPacket(7)),
    (b"\x62\x02\x00\x07", PubRelPacket(7)),
    (b"\x70\x02\x00\x07", PubCompPacket(7)),
    (
        b"\x82\x0b\x00\x01\x02\x0b\x02\x00\x03a/#\x09",
        SubscribePacket(1, (Subscription("a/#", retain_as_published=True),), 2),
    ),
    (
        b"\x82\x09\x00\x01\x00\x00\x03a/#\x21",
        SubscribePacket(1, (Subscription("a/#", retain_handling=RetainHandling.DO_NOT_SEND),)),
    ),
    (b"\x82\x09\x00\x01\x00\x00\x03a/#\x06", SubscribePacket(1, (Subscription("a/#", 2, no_local=True),))),
    (b"\x90\x04\x00\x07\x00\x87", SubAckPacket(7, (ReasonCode.NOT_AUTHORIZED,))),
    (b"\xa2\x09\x00\x02\x00\x00\x01a\x00\x01b", UnsubscribePacket(2, ("a", "b"))),
    (b"\xb0\x04\x00\x02\x00\x00", UnsubAckPacket(2, (ReasonCode.SUCCESS,))),
    (b"\xc0\x00", PingReqPacket()),
    (b"\xd0\x00", PingRespPacket()),
    (b"\xe0\x00", DisconnectPacket()),
    (b"\xe0\x01\x8e", DisconnectPacket(ReasonCode.SESSION_TAKEN_OVER)),
]


@pytest.mark.parametrize(("data", "packet"), PACKETS, ids=[repr(packet) for _, packet in PACKETS])
def test_a_packet_is_read_from_its_bytes_and_written_to_them(data: bytes, packet: Packet) -> None:
    assert V5.read(data) == packet
    assert V5.write(packet) == data


def test_other_properties_of_a_message_are_not_part_of_its_payload() -> None:
    properties = b"\x0f\x03\x00\x0ctext/plain!!"  # content type
    body = b"\x00\x01a" + properties + b"payload"
    packet = V5.read(bytes([0x30, len(body)]) + body)
    assert packet == PublishPacket("a", b"payload", size=7, properties=MessageProperties(content_type="text/plain!!"))


@pytest.mark.parametrize("code", [0x00, 0x01, 0x05])
def test_a_broker_that_answers_in_the_form_of_3_1_1_is_understood(code: int) -> None:
    assert V5.read(bytes((0x20, 2, 0, code))) == codec(Version.V311).read(bytes((0x20, 2, 0, code)))


MALFORMED = {
    "PUBLISH with packet id 0": b"\x32\x06\x00\x01a\x00\x00\x00",
    "PUBLISH of QoS 3": b"\x36\x06\x00\x01a\x00\x01\x00",
    "PUBLISH without properties": b"\x30\x03\x00\x01a",
    "PUBLISH with a property that does not exist": b"\x30\x06\x00\x01a\x02\xee\xff",
    "PUBLISH with a topic that is not UTF-8": b"\x30\x04\x00\x01\xff\x00",
    "PUBLISH with a user property that is not UTF-8": b"\x30\x0b\x00\x01a\x07\x26\x00\x01\xff\x00\x01v",
    "PUBACK with packet id 0": b"\x40\x02\x00\x00",
    "PUBREC with packet id 0": b"\x50\x02\x00\x00",
    "PUBREL with packet id 0": b"\x62\x02\x00\x00",
    "PUBCOMP with packet id 0": b"\x70\x02\x00\x00",
    "SUBSCRIBE with packet id 0": b"\x82\x07\x00\x00\x00\x00\x01a\x01",
    "SUBSCRIBE with NUL in its filter": b"\x82\x07\x00\x01\x00\x00\x01\x00\x01",
    "SUBACK with packet id 0": b"\x90\x04\x00\x00\x00\x01",
    "UNSUBSCRIBE with packet id 0": b"\xa2\x06\x00\x00\x00\x00\x01a",
    "UNSUBSCRIBE with NUL in its filter": b"\xa2\x06\x00\x02\x00\x00\x01\x00",
    "UNSUBACK with packet id 0": b"\xb0\x04\x00\x00\x00\x00",
    "CONNECT with NUL in its client id": b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01\x00",
    "CONNECT with NUL in its user name": b"\x10\x11\x00\x04MQTT\x05\x82\x00\x00\x00\x00\x01b\x00\x01\x00",
    "CONNECT of 3.1.1": b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01b",
    "CONNACK with an unknown reason": b"\x20\x03\x00\x01\x00",
    "CONNACK in the form of 3.1.1 with an unknown return code": b"\x20\x02\x00\x09",
    "DISCONNECT with an unknown reason": b"\xe0\x01\x01",
    "AUTH": b"\xf0\x00",
    "SUBSCRIBE without a filter": b"\x82\x03\x00\x01\x00",
    "SUBSCRIBE with an empty filter": b"\x82\x06\x00\x01\x00\x00\x00\x01",
    "UNSUBSCRIBE without a filter": b"\xa2\x03\x00\x01\x00",
    "PUBLISH with an unknown payload format": b"\x30\x07\x00\x01a\x02\x01\x05x",
    "PUBLISH with NUL in its content type": b"\x30\x09\x00\x01a\x04\x03\x00\x01\x00x",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_bytes_that_do_not_follow_the_protocol_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        V5.read(data)


def test_an_error_that_is_not_about_the_bytes_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bridges.mqtt.packets.v5._read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        V5.read(b"\xc0\x00")


def test_a_reason_is_described_in_words() -> None:
    assert ReasonCode.SESSION_TAKEN_OVER.text == "Session taken over"
    assert ReasonCode.NOT_AUTHORIZED.text == "Not authorized"
