"""One suite for all versions: what one end writes, the other reads; and bytes near to a packet never break a codec."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.mqtt.packets import (
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
    puback,
    pubacks,
    pubcomp,
    pubrec,
)
from bridges.mqtt.packets.header import with_header

# mqtt5 panics on a text that is not UTF-8, and leaves the error behind.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ids = st.integers(1, 65_535)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
topics = st.text("abc/é", min_size=1, max_size=40)
filters = st.lists(st.sampled_from(["a", "bé", "+", ""]), min_size=2, max_size=6).map("/".join)
qos = st.integers(0, 2)
expiries = st.none() | st.integers(0, 0xFFFF_FFFF)
properties = st.builds(
    MessageProperties,
    payload_format=st.integers(0, 1),
    content_type=st.none() | texts,
    response_topic=st.none() | topics,
    correlation_data=st.none() | st.binary(max_size=20),
    user_properties=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
).map(lambda found: None if found == MessageProperties() else found)
wills = {
    Version.V31: st.builds(Will, topics, st.binary(max_size=50), qos, st.booleans()),
    Version.V311: st.builds(Will, topics, st.binary(max_size=50), qos, st.booleans()),
    Version.V5: st.builds(
        Will, topics, st.binary(max_size=50), qos, st.booleans(), st.integers(0, 9_999), expiries, properties
    ),
}
subscriptions = st.lists(st.builds(Subscription, filters, qos), min_size=1, max_size=5).map(tuple)
sub_codes = st.sampled_from([ReasonCode(n) for n in (0, 1, 2, 128)])


def publishes(version: Version) -> st.SearchStrategy[PublishPacket]:
    def make(topic: str, payload: bytes, qos: int, retain: bool, packet_id: int, dup: bool) -> PublishPacket:
        return PublishPacket(topic, payload, qos, retain, packet_id if qos else 0, dup and qos > 0, len(payload))

    plain = st.builds(make, topics, st.binary(max_size=300), qos, st.booleans(), ids, st.booleans())
    if version is not Version.V5:
        return plain
    fields = {"topic_alias": st.integers(0, 65_535), "expiry_s": expiries, "properties": properties}
    return plain | st.builds(msgspec.structs.replace, plain, **fields)


def acknowledgements(version: Version, kind: type[Packet], *codes: int) -> st.SearchStrategy[Packet]:
    if version is not Version.V5:
        return st.builds(kind, ids)
    return st.builds(kind, ids, st.sampled_from([ReasonCode(code) for code in (0, *codes)]), st.none() | texts)


@st.composite
def connects(draw: st.DrawFn, version: Version) -> ConnectPacket:
    username = draw(st.none() | texts)
    return ConnectPacket(
        version=version,
        client_id=draw(texts),
        clean_start=True,
        keep_alive_s=draw(st.integers(0, 65_535)),
        username=username,
        password=draw(st.none() | st.binary(max_size=30)) if username is not None else None,
        will=draw(st.none() | wills[version]),
    )


def any_packet(version: Version) -> st.SearchStrategy[Packet]:
    return st.one_of(
        connects(version),
        st.builds(ConnAckPacket, st.sampled_from(ReasonCode).filter(lambda c: c in (0, 132, 135, 136))),
        publishes(version),
        acknowledgements(version, PubAckPacket, 16, 135, 151),
        acknowledgements(version, PubRecPacket, 16, 135, 153),
        acknowledgements(version, PubRelPacket, 146),
        acknowledgements(version, PubCompPacket, 146),
        st.builds(SubscribePacket, ids, subscriptions),
        st.builds(SubAckPacket, ids, st.lists(sub_codes, min_size=1, max_size=5).map(tuple)),
        st.builds(UnsubscribePacket, ids, st.lists(filters, min_size=1, max_size=5).map(tuple)),
        st.builds(UnsubAckPacket, ids, st.just((ReasonCode.SUCCESS,) if version is Version.V5 else ())),
        st.sampled_from([PingReqPacket(), PingRespPacket(), DisconnectPacket()]),
    )


@pytest.mark.parametrize("version", list(Version))
@given(data=st.data())
@settings(deadline=None)
def test_a_packet_is_read_as_written(version: Version, data: st.DataObject) -> None:
    packet = data.draw(any_packet(version))
    both = codec(version)
    assert both.read(both.write(packet)) == packet


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("version", list(Version))
@given(data=st.data())
@settings(deadline=None)
def test_a_damaged_packet_is_read_or_malformed(version: Version, strict: bool, data: st.DataObject) -> None:
    written = codec(version).write(data.draw(any_packet(version)))
    first, body = written[0], bytearray(written[2 if written[1] < 128 else 3 :])
    for place in data.draw(st.lists(st.integers(0, len(body)), max_size=3)):
        body[place : place + 1] = data.draw(st.binary(max_size=2))
    damaged = with_header(data.draw(st.sampled_from([first, first ^ 2, first ^ 8])), bytes(body))
    with suppress(MalformedPacket):
        codec(version, strict=strict).read(damaged)


@pytest.mark.parametrize("version", list(Version))
def test_an_acknowledgement_of_success_is_the_same_in_all_versions(version: Version) -> None:
    read = codec(version).read
    assert [read(puback(258)), read(pubrec(258)), read(pubcomp(258))] == [
        PubAckPacket(258),
        PubRecPacket(258),
        PubCompPacket(258),
    ]


def test_many_messages_are_acknowledged_in_one_go() -> None:
    assert pubacks([]) == b""
    assert pubacks([1, 65_535]) == puback(1) + puback(65_535)


def test_a_subscription_identifier_comes_back_with_mqtt_5() -> None:
    v5 = codec(Version.V5)
    options = Subscription("a", 1, retain_as_published=True, retain_handling=RetainHandling.SEND_IF_NEW, no_local=True)
    packet = SubscribePacket(1, (options,), 268_435_455)
    assert v5.read(v5.write(packet)) == packet
    message = PublishPacket("a", b"", subscription_ids=(1, 200_000))
    assert v5.read(v5.write(message)) == message
