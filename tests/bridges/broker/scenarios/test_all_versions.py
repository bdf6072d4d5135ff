"""What clients of all versions may expect. The account `bridge` may use all topics, `pump` only its own."""

from __future__ import annotations

import pytest

from bridges.mqtt.packets import (
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    Version,
    Will,
)
from tests.bridges.broker.clients import RunningBroker
from tests.bridges.broker.scenarios.wire import MakeWire, Wire

pytestmark = pytest.mark.parametrize("version", list(Version), ids=lambda version: f"MQTT {version.label}")

WILDCARDS = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")


@pytest.fixture
def watcher(wire: MakeWire) -> Wire:
    """Gets everything that anybody publishes."""
    watcher = wire("bridge", "watcher")
    watcher.subscribe("#")
    return watcher


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_arrives_with_its_qos(wire: MakeWire, watcher: Wire, qos: int) -> None:
    assert wire("bridge").publish("TopicA", b"payload", qos) is ReasonCode.SUCCESS
    assert watcher.messages(1) == [("TopicA", b"payload", qos)]


@pytest.mark.parametrize("granted", [0, 1, 2])
def test_a_subscription_bounds_the_qos(wire: MakeWire, granted: int) -> None:
    reader, writer = wire("bridge", "reader"), wire("bridge", "writer")
    assert reader.subscribe("TopicA", qos=granted) == (granted,)
    for qos in (0, 1, 2):
        writer.publish("TopicA", b"", qos)
    assert [each[2] for each in reader.messages(3)] == [min(qos, granted) for qos in (0, 1, 2)]


def test_a_second_login_on_a_connection_ends_it(wire: MakeWire) -> None:
    client = wire("bridge")
    with pytest.raises(AssertionError, match=r"Disconnect|closed"):
        client.connect("bridge")


@pytest.mark.parametrize("topic_filter", WILDCARDS)
def test_retained_messages_come_with_a_subscription_that_matches(wire: MakeWire, topic_filter: str) -> None:
    client = wire("bridge")
    for qos, topic in enumerate(("TopicA/B", "Topic/C", "TopicA/C")):
        client.publish(topic, b"qos %d" % qos, qos, retain=True)
    expected = {"TopicA/+": 2, "+/C": 2, "#": 3, "+/+": 3, "TopicA/#": 2}.get(topic_filter, 0)
    client.subscribe(topic_filter)
    messages = [client.message() for _ in range(expected)]
    assert all(each.retain for each in messages)
    client.nothing_more()


def test_an_empty_retained_message_removes_the_one_before(wire: MakeWire) -> None:
    client = wire("bridge")
    for payload in (b"there", b""):
        client.publish("TopicA/B", payload, 1, retain=True)
    client.subscribe("TopicA/+")
    client.nothing_more()


@pytest.mark.parametrize("topic_filter", WILDCARDS)
def test_a_session_keeps_messages_for_a_client_that_is_offline(wire: MakeWire, topic_filter: str) -> None:
    away = wire("bridge", "away", clean_start=False)
    away.subscribe(topic_filter)
    away.disconnect()
    writer = wire("bridge", "writer")
    for qos, topic in enumerate(("TopicA/B", "Topic/C", "TopicA/C")):
        writer.publish(topic, b"qos %d" % qos, qos)
    matching = {"TopicA/+": [2], "+/C": [1, 2], "#": [1, 2], "+/+": [1, 2], "TopicA/#": [2]}.get(topic_filter, [])
    back = wire()
    assert back.connect("bridge", "away", clean_start=False).session_present
    assert [each[2] for each in back.messages(len(matching))] == matching
    back.nothing_more()


def test_a_will_is_published_when_its_client_is_lost(wire: MakeWire, watcher: Wire) -> None:
    wire("bridge", "lost", will=Will("TopicA/will", b"client lost", 2, True)).break_off()
    assert watcher.messages(1) == [("TopicA/will", b"client lost", 2)]


def test_a_will_is_not_published_after_a_disconnect(wire: MakeWire, watcher: Wire) -> None:
    wire("bridge", "leaves", will=Will("TopicA/will", b"client lost", 2)).disconnect()
    wire("bridge").publish("marker")
    assert watcher.message().topic == "marker"


def test_overlapping_subscriptions_bring_one_message_at_the_highest_qos(wire: MakeWire) -> None:
    client, writer = wire("bridge"), wire("bridge", "writer")
    client.subscribe("TopicA/#", qos=2)
    client.subscribe("TopicA/+", qos=1)
    writer.publish("TopicA/C", b"overlapping", 2)
    assert client.messages(1) == [("TopicA/C", b"overlapping", 2)]
    client.nothing_more()


def test_a_client_that_sends_nothing_for_its_keep_alive_is_lost(wire: MakeWire, watcher: Wire) -> None:
    silent = wire("bridge", "silent", keep_alive_s=1, will=Will("TopicA/will", b"silent"))
    assert watcher.message().payload == b"silent"
    silent.ended_with(ReasonCode.KEEP_ALIVE_TIMEOUT)


@pytest.mark.parametrize("qos", [1, 2])
def test_what_was_not_acknowledged_comes_again_after_a_reconnect(wire: MakeWire, qos: int) -> None:
    client = wire("bridge", "returns", clean_start=False)
    client.subscribe("TopicA")
    wire("bridge", "writer").publish("TopicA", b"again", qos)
    first = client.next(PublishPacket)
    assert not first.dup
    client.break_off()
    back = wire()
    assert back.connect("bridge", "returns", clean_start=False).session_present
    again = back.message()
    assert (again.payload, again.qos, again.packet_id, again.dup) == (b"again", qos, first.packet_id, True)
    back.nothing_more()


def test_a_message_of_qos_2_that_was_received_is_only_released_after_a_reconnect(wire: MakeWire) -> None:
    client = wire("bridge", "returns", clean_start=False)
    client.subscribe("TopicA")
    wire("bridge", "writer").publish("TopicA", b"once", 2)
    first = client.next(PublishPacket)
    client.send(PubRecPacket(first.packet_id))
    client.next(PubRelPacket)
    client.break_off()
    back = wire()
    back.connect("bridge", "returns", clean_start=False)
    assert back.next(PubRelPacket).packet_id == first.packet_id
    back.send(PubCompPacket(first.packet_id))
    back.nothing_more()


def test_a_message_of_qos_2_that_is_sent_again_after_a_reconnect_is_delivered_once(
    wire: MakeWire, watcher: Wire
) -> None:
    client = wire("bridge", "returns", clean_start=False)
    client.send(PublishPacket("TopicA", b"once", 2, packet_id=7))
    assert client.next(PubRecPacket).packet_id == 7
    client.break_off()
    back = wire("bridge", "returns", clean_start=False)
    back.send(PublishPacket("TopicA", b"once", 2, packet_id=7, dup=True))
    assert back.next(PubRecPacket).packet_id == 7
    for _ in range(2):
        back.send(PubRelPacket(7))
        assert back.next(PubCompPacket).packet_id == 7
    assert watcher.messages(1) == [("TopicA", b"once", 2)]
    watcher.nothing_more()


def test_an_empty_client_id(wire: MakeWire, version: Version) -> None:
    assert not wire().connect("bridge", "").reason_code.is_failure
    lasting = wire().connect("bridge", "", clean_start=False)
    if version is Version.V5:
        assert lasting.client_id
    else:
        assert lasting.reason_code is ReasonCode.CLIENT_ID_NOT_VALID


def test_a_subscription_that_is_not_allowed_fails(wire: MakeWire, version: Version) -> None:
    reason = ReasonCode.NOT_AUTHORIZED if version is Version.V5 else ReasonCode.UNSPECIFIED_ERROR
    assert wire("pump").subscribe("devices/valve/#", "devices/pump/#") == (reason, ReasonCode.GRANTED_QOS_2)


def test_topics_that_begin_with_a_dollar_sign_are_the_brokers_own(wire: MakeWire, watcher: Wire) -> None:
    client = wire("bridge")
    client.publish("$TopicA", b"forged", 1)
    client.publish("marker")
    assert watcher.message().topic == "marker"
    assert client.subscribe("$SYS/#")[0].is_failure


def test_what_is_unsubscribed_does_not_come_any_more(wire: MakeWire, version: Version) -> None:
    client, writer = wire("bridge"), wire("bridge", "writer")
    client.subscribe("TopicA", "TopicA/B", "Topic/C")
    codes = client.unsubscribe("TopicA", "other")
    assert codes == ((ReasonCode.SUCCESS, ReasonCode.NO_SUBSCRIPTION_EXISTED) if version is Version.V5 else ())
    for topic in ("TopicA", "TopicA/B", "Topic/C"):
        writer.publish(topic, b"", 1)
    assert [each[0] for each in client.messages(2)] == ["TopicA/B", "Topic/C"]


def test_a_session_is_taken_over_by_its_next_connection(wire: MakeWire) -> None:
    first = wire("bridge", "same", clean_start=False)
    second = wire()
    assert second.connect("bridge", "same", clean_start=False).session_present
    first.ended_with(ReasonCode.SESSION_TAKEN_OVER)


def test_a_device_that_may_not_publish_somewhere_is_answered_and_reported(
    wire: MakeWire, version: Version, broker: RunningBroker
) -> None:
    pump = wire("pump")
    code = pump.publish("devices/valve/telemetry", b"x", 1)
    assert code is (ReasonCode.NOT_AUTHORIZED if version is Version.V5 else ReasonCode.SUCCESS)
    pump.nothing_more()
    assert broker.stats["refused_publishes"] == 1


def test_the_broker_says_that_it_stops(wire: MakeWire, broker: RunningBroker) -> None:
    client = wire("bridge")
    broker.run(broker.broker.stop())
    client.ended_with(ReasonCode.SERVER_SHUTTING_DOWN)


def test_a_packet_that_is_not_mqtt_ends_the_connection_with_the_reason(wire: MakeWire) -> None:
    client = wire("bridge")
    client.sock.sendall(b"\x36\x05\x00\x01a\x00\x01")
    client.ended_with(ReasonCode.MALFORMED_PACKET)
