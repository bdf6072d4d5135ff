import itertools
import time

import pytest

from tests.bridges.broker.clients import publish_packet

TOPIC = "devices/pump/telemetry"


@pytest.mark.parametrize(("published", "granted"), list(itertools.product((0, 1, 2), (0, 1, 2))))
def test_delivery_has_the_lower_qos(client, published, granted):
    bridge = client("bridge")
    assert bridge.subscribe(TOPIC, granted) == granted
    client("pump").publish(TOPIC, b"x", qos=published)
    assert bridge.next().qos == min(published, granted)


def test_qos_2_publish_is_delivered_once_though_repeated(client, raw):
    bridge, pump = client("bridge"), raw()
    bridge.subscribe("devices/#")
    pump.log_in("pump")
    pump.send(publish_packet(TOPIC, b"once", first=0x34, packet_id=7))
    pump.send(publish_packet(TOPIC, b"once", first=0x3C, packet_id=7))
    assert pump.receive(8) == b"\x50\x02\x00\x07" * 2
    pump.send(b"\x62\x02\x00\x07")
    assert pump.receive(4) == b"\x70\x02\x00\x07"
    pump.send(publish_packet(TOPIC, b"twice", first=0x34, packet_id=7))
    assert bridge.payloads(2) == [b"once", b"twice"]


@pytest.mark.parametrize(("wide", "narrow"), [(0, 1), (1, 0)])
def test_overlapping_filters_deliver_one_copy_at_the_highest_qos(client, wide, narrow):
    bridge = client("bridge")
    bridge.subscribe("devices/#", wide)
    bridge.subscribe("devices/+/telemetry", narrow)
    client("pump").publish(TOPIC, b"one")
    client("pump").publish(TOPIC, b"two")
    assert [(each.payload, each.qos) for each in (bridge.next(), bridge.next())] == [(b"one", 1), (b"two", 1)]


def test_subscribing_and_unsubscribing_take_effect_between_messages(client):
    bridge, other, pump = client("bridge"), client("listener"), client("pump")
    bridge.subscribe("devices/pump/end")
    pump.publish(TOPIC, b"before")
    for topic_filter in (TOPIC, "devices/#"):
        bridge.subscribe(topic_filter)
        other.subscribe(topic_filter)
        pump.publish(TOPIC, b"heard by both")
        bridge.unsubscribe(topic_filter)
        pump.publish(TOPIC, b"heard by the other")
        other.unsubscribe(topic_filter)
        pump.publish(TOPIC, b"after")
    pump.publish("devices/pump/end", b"end")
    assert bridge.payloads(3) == [b"heard by both", b"heard by both", b"end"]
    assert other.payloads(4) == [b"heard by both", b"heard by the other"] * 2


@pytest.mark.parametrize(
    ("topic_filter", "matches"),
    [
        ("devices/pump/telemetry", True),
        ("devices/+/telemetry", True),
        ("devices/pump/+", True),
        ("+/+/+", True),
        ("#", True),
        ("devices/pump/telemetry/#", True),
        ("devices/pump", False),
        ("devices/+", False),
        ("devices/pump/telemetry/+", False),
        ("+/pump", False),
        ("/devices/pump/telemetry", False),
    ],
)
def test_filters_match_as_mqtt_defines(client, topic_filter, matches):
    bridge = client("bridge")
    bridge.subscribe(topic_filter)
    bridge.subscribe("marker")
    client("pump").publish(TOPIC, b"telemetry")
    bridge.publish("marker", b"marker")
    assert bridge.next().payload == (b"telemetry" if matches else b"marker")


def test_messages_of_one_publisher_keep_their_order(client):
    bridge, pump = client("bridge"), client("pump")
    bridge.subscribe("devices/+/telemetry")
    for number in range(2_000):
        pump.paho.publish(TOPIC, str(number), qos=1)
    assert bridge.payloads(2_000) == [str(number).encode() for number in range(2_000)]


def test_payload_arrives_byte_for_byte(client):
    bridge = client("bridge")
    bridge.subscribe("devices/#")
    pump = client("pump")
    for size in (0, 1, 100, 105, 127, 128, 16_355, 16_384, 131_072):
        payload = bytes(number % 256 for number in range(size))
        pump.publish("devices/pump/ä", payload)
        message = bridge.next()
        assert (message.topic, message.payload) == ("devices/pump/ä", payload)


def test_refused_and_accepted_messages_are_distinguished_after_many_topics(broker, client):
    """More topics than a connection remembers: what is forgotten is asked for again."""
    bridge, pump = client("bridge"), client("pump")
    bridge.subscribe("#")
    for number in range(600):
        pump.paho.publish(f"devices/valve/{number % 300}", b"forged", qos=0)
        pump.paho.publish(f"devices/pump/{number % 300}", b"own", qos=0)
    assert bridge.payloads(600) == [b"own"] * 600
    assert broker.stats["refused_publishes"] == 600


def test_small_packets_do_not_wait_for_each_other(broker, client):
    """Each round needs the broker to send two small packets in a row, which the kernel would hold back for 40 ms."""
    bridge, pump = client("bridge"), client("pump")
    bridge.subscribe("devices/#")
    begin = time.monotonic()
    for _ in range(40):
        pump.publish(TOPIC, b"x" * 4_000)
        bridge.next()
        bridge.subscribe("other", 0)
    assert time.monotonic() - begin < 0.8
