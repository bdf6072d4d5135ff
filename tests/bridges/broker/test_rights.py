import pytest

from tests.bridges.broker.clients import Bridge

REFUSED = 0x80


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "+/+",
        "+/#",
        "$SYS/#",
        "devices/#",
        "devices/+/telemetry",
        "devices/+/#",
        "devices/valve/#",
        "devices/valve/telemetry",
        "devices",
        "+/pump/telemetry",
        "/devices/pump/telemetry",
    ],
)
def test_filter_beyond_the_account_is_refused(broker, client, topic_filter):
    pump = client("pump")
    assert pump.subscribe(topic_filter) == REFUSED
    assert broker.stats["refused_subscriptions.foreign"] == 1
    bridge = client("bridge")
    bridge.publish("devices/valve/telemetry", b"secret", retain=True)
    assert pump.subscribe("devices/pump/#") == 1
    bridge.publish("devices/pump/telemetry", b"mine")
    assert pump.next().payload == b"mine"


def test_a_shared_subscription_reaches_no_further_than_one_of_its_own(broker, client):
    assert client("pump").subscribe("$share/group/devices/+/telemetry") == REFUSED
    assert client("pump").subscribe("$share/group/devices/pump/telemetry") == 1
    assert broker.stats["refused_subscriptions.foreign"] == 1


@pytest.mark.parametrize("topic_filter", ["devices/pump/#/x", "devices/pump/a+", "devices/pump/a#", "devices/pump/++"])
def test_filter_with_misplaced_wildcards_is_refused(broker, raw, topic_filter):
    pump = raw()
    pump.log_in("pump")
    body = b"\x00\x07" + len(topic_filter).to_bytes(2) + topic_filter.encode() + b"\x01"
    pump.send(bytes([0x82, len(body)]) + body)
    assert pump.receive(5) == b"\x90\x03\x00\x07\x80"
    assert broker.stats["refused_subscriptions.invalid"] == 1


def test_publish_to_a_foreign_topic_is_refused_and_counted(broker, client):
    bridge, pump = client("bridge"), client("pump")
    bridge.subscribe("#")
    pump.publish("devices/valve/telemetry", b"forged")
    pump.publish("devices/valve/telemetry", b"forged", qos=0)
    pump.publish("devices/valve/status", b"offline", retain=True)
    pump.publish("devices/pump/telemetry", b"own")
    assert bridge.next().payload == b"own"
    assert broker.stats["refused_publishes"] == 3
    assert broker.stats["retained_messages"] == 0


def test_nobody_publishes_to_or_receives_topics_of_the_broker(broker, client):
    bridge = client("bridge")
    assert bridge.subscribe("$SYS/#") == REFUSED
    bridge.subscribe("#")
    bridge.publish("$SYS/broker/load", b"forged")
    bridge.publish("devices/pump/telemetry", b"marker")
    assert bridge.next().payload == b"marker"
    assert broker.stats["refused_publishes"] == 1


def test_message_that_may_not_be_received_is_not_delivered_past_a_granted_filter(broker, client):
    listener, bridge = client("listener"), client("bridge")
    assert listener.subscribe("devices/#") == 1
    bridge.publish("devices/pump/secret", b"hidden")
    bridge.publish("devices/pump/open", b"shown")
    assert listener.next().payload == b"shown"


def test_removed_rights_end_with_the_next_login(broker, client):
    """A persistent session keeps no subscription that its account may no longer make."""
    broker.accounts.known["guest"] = Bridge("guest")
    guest = client("guest", client_id="g", clean=False)
    assert [guest.subscribe("devices/pump/#"), guest.subscribe("devices/guest/#")] == [1, 1]
    guest.disconnect()
    del broker.accounts.known["guest"]
    guest = client("guest", client_id="g", clean=False)
    assert guest.session_present
    bridge = client("bridge")
    bridge.publish("devices/pump/telemetry", b"no longer")
    bridge.publish("devices/guest/x", b"still")
    assert guest.next().payload == b"still"
    assert broker.stats["subscriptions"] == 1
