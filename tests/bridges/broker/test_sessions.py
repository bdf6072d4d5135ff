"""Queues, windows and what outlives a connection."""

import pytest

from bridges.broker import Limits, SessionLimits
from tests.bridges.broker.clients import publish_packet, subscribe_packet

TOPIC = "devices/pump/commands/1"


def test_persistent_session_gets_qos_1_messages_of_its_absence_in_order(broker, client):
    pump = client("pump", client_id="pump-1", clean=False)
    pump.subscribe("devices/pump/commands/#")
    pump.disconnect()
    bridge = client("bridge")
    for number in range(100):
        bridge.publish(TOPIC, str(number))
    bridge.publish(TOPIC, b"not kept", qos=0)
    back = client("pump", client_id="pump-1", clean=False)
    assert back.session_present
    assert back.payloads(100) == [str(number).encode() for number in range(100)]
    assert broker.stats["dropped.offline_qos0"] == 1


def test_clean_session_ends_with_its_connection(broker, client):
    pump = client("pump", client_id="pump-1")
    pump.subscribe("devices/pump/#")
    pump.disconnect()
    broker.until("closed.disconnected")
    assert broker.stats["sessions"] == broker.stats["subscriptions"] == 0
    assert not client("pump", client_id="pump-1", clean=False).session_present


def test_clean_login_discards_the_persistent_session(client):
    pump = client("pump", client_id="pump-1", clean=False)
    pump.subscribe("devices/pump/commands/#")
    pump.disconnect()
    client("bridge").publish(TOPIC, b"discarded")
    fresh = client("pump", client_id="pump-1", clean=True)
    assert not fresh.session_present
    fresh.disconnect()
    again = client("pump", client_id="pump-1", clean=False)
    assert not again.session_present
    again.subscribe("devices/pump/#")
    again.publish("devices/pump/x", b"marker")
    assert again.next().payload == b"marker"


def test_unsubscribed_filter_stays_unsubscribed_after_a_reconnect(broker, client):
    pump = client("pump", client_id="pump-1", clean=False)
    pump.subscribe("devices/pump/x")
    pump.subscribe("devices/pump/commands/+")
    pump.unsubscribe("devices/pump/x")
    pump.disconnect()
    back = client("pump", client_id="pump-1", clean=False)
    back.publish("devices/pump/x", b"unheard")
    back.publish(TOPIC, b"heard")
    assert back.next().payload == b"heard"
    assert broker.stats["subscriptions"] == 1


def test_unacknowledged_message_stays_in_flight_and_is_sent_again_with_dup(broker, client):
    """Six seconds of silence: longer than some brokers keep a message in flight."""
    pump = client("pump", client_id="pump-1", clean=False, manual_ack=True)
    pump.subscribe("devices/pump/commands/#")
    client("bridge").publish(TOPIC, b"important")
    first = pump.next()
    assert not first.dup
    assert not pump.ended.wait(6)
    pump.break_off()
    back = client("pump", client_id="pump-1", clean=False, manual_ack=True)
    again = back.next()
    assert (again.payload, again.dup, again.mid) == (b"important", True, first.mid)
    back.paho.ack(again.mid, again.qos)
    back.subscribe("devices/pump/#")  # behind the acknowledgement
    back.break_off()
    third = client("pump", client_id="pump-1", clean=False)
    third.publish("devices/pump/x", b"marker")
    assert third.next().payload == b"marker"
    assert broker.stats["redelivered_messages"] == 1


class TestNarrowSession:
    @pytest.fixture
    def limits(self):
        return Limits(
            sessions_per_account=2,
            receive_maximum=3,
            session=SessionLimits(queue_messages=5, queue_bytes=10_000, in_flight=3, subscriptions=2),
        )

    def test_window_holds_messages_back_until_acknowledged(self, broker, client):
        pump, bridge = client("pump", manual_ack=True), client("bridge")
        pump.subscribe("devices/pump/commands/#")
        for number in range(6):
            bridge.publish(TOPIC, str(number))
        held = [pump.next() for _ in range(3)]
        pump.subscribe("devices/pump/x")
        assert pump.messages.empty()
        for message in held:
            pump.paho.ack(message.mid, message.qos)
        assert pump.payloads(3) == [b"3", b"4", b"5"]

    def test_window_holds_after_a_reconnect_too(self, client):
        pump, bridge = client("pump", client_id="p", clean=False, manual_ack=True), client("bridge")
        pump.subscribe("devices/pump/commands/#")
        for number in range(7):
            bridge.publish(TOPIC, str(number))
        pump.payloads(3)
        pump.break_off()
        back = client("pump", client_id="p", clean=False, manual_ack=True)
        again = [back.next() for _ in range(3)]
        assert [(each.payload, each.dup) for each in again] == [(b"0", True), (b"1", True), (b"2", True)]
        back.subscribe("devices/pump/x")
        assert back.messages.empty()
        for message in again:
            back.paho.ack(message.mid, message.qos)
        fresh = [back.next() for _ in range(3)]
        assert [(each.payload, each.dup) for each in fresh] == [(b"3", False), (b"4", False), (b"5", False)]
        assert not {each.mid for each in again} & {each.mid for each in fresh}

    def test_queue_of_an_absent_client_is_bounded_in_messages(self, broker, client):
        pump, bridge = client("pump", client_id="p", clean=False), client("bridge")
        pump.subscribe("devices/pump/commands/#")
        pump.disconnect()
        for number in range(8):
            bridge.publish(TOPIC, str(number))
        assert broker.stats["dropped.offline_qos1"] == 3
        assert client("pump", client_id="p", clean=False).payloads(5) == [b"0", b"1", b"2", b"3", b"4"]

    def test_queue_of_an_absent_client_is_bounded_in_bytes(self, broker, client):
        pump, bridge = client("pump", client_id="p", clean=False), client("bridge")
        pump.subscribe("devices/pump/commands/#")
        pump.disconnect()
        for _ in range(4):
            bridge.publish(TOPIC, b"x" * 4_000)
        assert broker.stats["dropped.offline_qos1"] == 2
        assert len(client("pump", client_id="p", clean=False).payloads(2)) == 2

    def test_client_that_does_not_acknowledge_is_bounded_too(self, broker, client):
        pump, bridge = client("pump", manual_ack=True), client("bridge")
        pump.subscribe("devices/pump/commands/#")
        for _ in range(10):
            bridge.publish(TOPIC, b"x")
        bridge.publish(TOPIC, b"x", qos=0)
        assert broker.stats["dropped.slow_qos1"] == 2
        assert broker.stats["dropped.slow_qos0"] == 0 or broker.stats["dropped.slow_qos0"] == 1

    def test_room_comes_back_with_acknowledgements(self, broker, client):
        pump, bridge = client("pump"), client("bridge")
        pump.subscribe("devices/pump/commands/#")
        for _ in range(20):
            bridge.publish(TOPIC, b"x" * 4_000)
            pump.next()
            pump.subscribe("devices/pump/x", 0)  # behind the acknowledgement
        assert broker.stats["dropped.slow_qos1"] == 0

    def test_principal_with_limits_of_its_own_holds_more(self, client, broker):
        bridge = client("bridge", client_id="b", clean=False)
        bridge.subscribe("devices/+/telemetry")
        bridge.disconnect()
        pump = client("pump")
        for number in range(50):
            pump.publish("devices/pump/telemetry", str(number))
        assert len(client("bridge", client_id="b", clean=False).payloads(50)) == 50
        assert broker.stats["dropped.offline_qos1"] == 0

    def test_subscriptions_are_limited_and_repeating_one_is_not_one_more(self, broker, client):
        pump = client("pump")
        codes = [pump.subscribe(f"devices/pump/{topic}") for topic in ("a", "b", "c", "a")]
        assert codes == [1, 1, 0x80, 1]
        assert broker.stats["refused_subscriptions.too_many"] == 1

    def test_account_that_changes_its_client_id_loses_its_oldest_absent_session(self, broker, client):
        for client_id in ("a", "b", "c"):
            client("pump", client_id=client_id, clean=False).disconnect()
        assert broker.stats["sessions"] == 2
        assert not client("pump", client_id="a", clean=False).session_present
        assert client("pump", client_id="c", clean=False).session_present

    def test_account_with_as_many_connections_as_it_may_have_is_refused_one_more(self, broker, client):
        client("pump", client_id="a")
        client("pump", client_id="b")
        assert client("pump", client_id="c").answer == "Server unavailable"
        assert client("valve", client_id="c").answer == "Success"
        assert client("pump", client_id="b").answer == "Success"
        assert broker.stats["refused_logins.too_many_sessions"] == 1

    def test_open_qos_2_messages_are_bounded(self, broker, raw):
        pump = raw()
        pump.log_in("pump")
        for packet_id in range(1, 5):
            pump.send(publish_packet("devices/pump/telemetry", b"x", first=0x34, packet_id=packet_id))
        assert len(pump.rest()) == 3 * 4
        assert broker.stats["closed.too_many_in_flight"] == 1


def test_late_acknowledgement_of_nothing_is_ignored(broker, raw):
    pump = raw()
    pump.log_in("pump")
    pump.send(b"\x40\x02\x00\x09" + subscribe_packet("devices/pump/#"))
    assert pump.receive(5) == b"\x90\x03\x00\x01\x00"
