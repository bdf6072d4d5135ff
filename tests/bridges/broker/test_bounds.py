"""Sizes, numbers, and a subscriber that never reads."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from bridges.broker import Limits, SessionLimits
from tests.bridges.broker.clients import RawClient, packet, publish_packet, subscribe_packet

TOPIC = "devices/pump/telemetry"
LARGEST = 131_072


def memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("qos", [0, 1])
def test_payload_of_128_kib_is_accepted(client, qos):
    bridge = client("bridge")
    bridge.subscribe("devices/#")
    client("pump").publish(TOPIC, b"x" * LARGEST, qos=qos)
    assert len(bridge.next().payload) == LARGEST


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_larger_payload_is_read_past_and_acknowledged_and_the_connection_goes_on(broker, client, qos):
    bridge, pump = client("bridge"), client("pump")
    bridge.subscribe("devices/#")
    pump.publish(TOPIC, b"x" * (LARGEST + 1), qos=qos, retain=True)
    pump.publish(TOPIC, b"fine", qos=qos)
    assert bridge.next().payload == b"fine"
    assert broker.stats["dropped.too_large"] == 1
    assert broker.stats["retained_messages"] == broker.stats["closed.packet_too_large"] == 0


def test_the_largest_packet_of_mqtt_is_read_past_in_bounded_memory(broker, raw):
    pump = raw()
    pump.log_in("pump")
    length = 268_435_455
    head = b"\x32\xff\xff\xff\x7f" + publish_packet(TOPIC, b"", first=0x32)[2:]
    pump.send(head)
    memory = memory_bytes()
    left, chunk = length - (len(head) - 5), bytes(1 << 20)
    while left:
        pump.send(chunk[:left])
        left -= min(left, len(chunk))
    assert pump.receive(4) == b"\x40\x02\x00\x01"
    assert memory_bytes() - memory < 10 << 20


def test_a_topic_too_long_before_a_payload_too_large_closes(broker, raw):
    pump = raw()
    pump.log_in("pump")
    pump.send(b"\x30\xff\xff\xff\x7f\xff\xff")
    assert pump.rest() == b""
    assert broker.stats["closed.invalid_topic"] == 1


class TestTrickle:
    @pytest.fixture
    def limits(self):
        return Limits(skip_grace_s=0.5, skip_bytes_s=1 << 30)

    def test_a_client_that_trickles_a_payload_too_large_is_disconnected(self, broker, raw):
        pump = raw()
        pump.log_in("pump")
        pump.send(publish_packet(TOPIC, b"x" * (2 * LARGEST))[:1_000])
        with suppress(OSError):
            for _ in range(1_000):
                pump.send(b"x")
                threading.Event().wait(0.01)
        assert broker.stats["closed.slow_packet"] == 1

    def test_one_that_has_sent_it_all_in_time_is_not(self, broker, raw):
        pump = raw()
        pump.log_in("pump")
        whole = publish_packet(TOPIC, b"x" * (2 * LARGEST), first=0x32)
        pump.send(whole[:1_000])
        threading.Event().wait(0.1)
        pump.send(whole[1_000:])
        assert pump.receive(4) == b"\x40\x02\x00\x01"
        threading.Event().wait(0.7)
        pump.send(b"\xc0\x00")
        assert pump.receive(2) == b"\xd0\x00"


@pytest.mark.parametrize("first", [0x10, 0x82, 0xA2])
def test_other_packets_are_limited_much_smaller(broker, raw, first):
    rude = raw()
    if first != 0x10:
        rude.log_in("pump")
    rude.send(packet(first, b"x" * 8_193)[:4])
    assert rude.rest() == b""
    assert broker.stats["closed.packet_too_large"] == 1


@pytest.mark.parametrize("topic", ["devices/pump/" + "x" * 244, "devices/pump" + "/x" * 15])
def test_topic_too_long_or_too_deep_closes(broker, raw, topic):
    pump = raw()
    pump.log_in("pump")
    pump.send(publish_packet(topic, b"x"))
    assert pump.rest() == b""
    assert broker.stats["closed.invalid_topic"] == 1


@pytest.mark.parametrize("topic", ["devices/pump/" + "x" * 243, "devices/pump" + "/x" * 14])
def test_longest_and_deepest_topic_is_accepted(client, topic):
    pump = client("pump")
    assert pump.subscribe(topic) == 1
    pump.publish(topic, b"x")
    assert pump.next().topic == topic


@pytest.mark.parametrize("topic_filter", ["devices/pump/" + "x" * 244, "devices/pump" + "/+" * 15])
def test_filter_too_long_or_too_deep_is_refused(broker, client, topic_filter):
    assert client("pump").subscribe(topic_filter) == 0x80
    assert broker.stats["refused_subscriptions.invalid"] == 1


class TestConnections:
    @pytest.fixture
    def limits(self):
        return Limits(connections=3)

    def test_connections_are_limited(self, broker, client):
        first = [client("pump"), client("valve"), client("lamp")]
        assert client("fan").answer == "Server unavailable"
        assert broker.stats["refused_logins.too_many_connections"] == 1
        first[0].disconnect()
        broker.until("closed.disconnected")
        assert client("fan").answer == "Success"

    def test_one_that_takes_its_own_session_over_needs_no_room(self, client):
        pump, _, _ = client("pump", client_id="p"), client("valve"), client("lamp")
        assert client("pump", client_id="p").answer == "Success"
        assert pump.ended.wait(10)


@pytest.mark.parametrize("field", ["queue_messages", "queue_bytes", "in_flight", "subscriptions"])
def test_a_limit_of_zero_is_refused_by_name(field):
    with pytest.raises(ValueError, match=field):
        SessionLimits(**{field: 0})


class TestSubscriberThatNeverReads:
    QUEUE_BYTES = 1 << 20

    @pytest.fixture
    def limits(self):
        return Limits(stall_timeout_s=60, session=SessionLimits(queue_messages=1_000, queue_bytes=self.QUEUE_BYTES))

    @pytest.mark.parametrize("qos", [0, 1])
    def test_its_queue_stays_bounded_and_others_are_served(self, broker, client, raw, qos):
        stalled: RawClient = raw(receive_buffer=4_096)
        stalled.log_in("bridge", client_id="stalled")
        stalled.send(subscribe_packet("devices/pump/telemetry", qos))
        stalled.receive(5)
        _without_own_limits(broker, "stalled")
        reader_client = client("bridge")
        reader_client.subscribe("devices/pump/telemetry", qos)
        publisher: RawClient = raw()
        publisher.log_in("pump")
        memory = memory_bytes()
        payload = os.urandom(32_768)
        sent = 1_280  # 40 MiB
        for number in range(sent):
            publisher.send(publish_packet(TOPIC, payload, first=0x30 | qos << 1, packet_id=number + 1))
            if qos:
                publisher.receive(4)
            assert reader_client.next().payload == payload
        assert broker.stats[f"dropped.slow_qos{qos}"] > sent // 2
        assert broker.run(_held(broker, "stalled")) < self.QUEUE_BYTES + (256 << 10)
        assert memory_bytes() - memory < 10 << 20
        assert broker.stats["closed.stalled"] == 0

    def test_client_that_asks_and_never_reads_the_answers_is_no_longer_read(self, broker, raw):
        asker: RawClient = raw(receive_buffer=4_096)
        asker.log_in("bridge", client_id="asker")
        asker.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            asker.send(b"\xc0\x00" * 25_000_000)
        assert broker.run(_held(broker, "asker")) < 512 << 10

    def test_client_that_does_not_read_its_messages_is_not_read_either(self, broker, raw):
        stalled, publisher = raw(receive_buffer=4_096), raw()
        stalled.log_in("bridge", client_id="stalled")
        stalled.send(subscribe_packet(TOPIC))
        stalled.receive(5)
        publisher.log_in("pump")
        publisher.send(publish_packet(TOPIC, bytes(LARGEST)) * 10 + b"\xc0\x00")
        assert publisher.receive(2) == b"\xd0\x00"
        stalled.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stalled.send(publish_packet("devices/pump/x", bytes(LARGEST)) * 200)

    def test_slow_reader_gets_what_was_queued_in_order(self, broker, raw):
        stalled, publisher = raw(receive_buffer=131_072), raw()
        stalled.log_in("pump", client_id="stalled")
        stalled.send(subscribe_packet(TOPIC, 0))
        stalled.receive(5)
        publisher.log_in("pump", client_id="publisher")
        for number in range(600):
            publisher.send(publish_packet(TOPIC, number.to_bytes(2) * 8_000))
        publisher.send(b"\xc0\x00")
        publisher.receive(2)
        dropped = broker.stats["dropped.slow_qos0"]
        assert 0 < dropped < 600
        got = []
        while len(got) < 600 - dropped:
            stalled.receive(3 + 2 + len(TOPIC))
            got.append(int.from_bytes(stalled.receive(16_000)[:2]))
        assert got == sorted(set(got))


class TestPool:
    @pytest.fixture
    def limits(self):
        return Limits(queued_bytes=10_000)

    def test_all_queues_together_are_bounded_but_not_those_with_limits_of_their_own(self, broker, client):
        for name in ("pump", "valve", "bridge"):
            absent = client(name, client_id="x", clean=False)
            absent.subscribe(f"devices/{name}/x")
            absent.disconnect()
        bridge = client("bridge")
        for name in ("pump", "valve", "bridge"):
            for _ in range(8):
                bridge.publish(f"devices/{name}/x", bytes(1_000))
        assert broker.stats["dropped.offline_qos1"] == 16 - 9
        assert len(client("pump", client_id="x", clean=False).payloads(8)) == 8
        assert len(client("bridge", client_id="x", clean=False).payloads(8)) == 8

    def test_what_is_delivered_or_given_up_makes_room_again(self, broker, client):
        bridge = client("bridge")
        for clean in (False, True):
            for _ in range(3):
                pump = client("pump", client_id="x", clean=False)
                pump.subscribe("devices/pump/x")
                pump.disconnect()
                for _ in range(9):
                    bridge.publish("devices/pump/x", bytes(1_000))
                back = client("pump", client_id="x", clean=clean)
                if not clean:
                    back.payloads(9)
                back.disconnect()
        broker.until("closed.disconnected", 12)
        assert broker.stats["dropped.offline_qos1"] == 0
        assert broker.broker._shared.sessions._pool.held == 0


class TestStall:
    @pytest.fixture
    def limits(self):
        return Limits(stall_timeout_s=0.5)

    def test_subscriber_that_reads_nothing_is_disconnected(self, broker, raw):
        stalled, publisher = raw(receive_buffer=4_096), raw()
        stalled.log_in("pump", client_id="stalled")
        stalled.send(subscribe_packet(TOPIC))
        stalled.receive(5)
        publisher.log_in("pump", client_id="publisher")
        for _ in range(200):
            publisher.send(publish_packet(TOPIC, bytes(65_536)))
        broker.until("closed.stalled")
        broker.until("connections", 1)
        publisher.send(b"\xc0\x00")
        assert publisher.receive(2) == b"\xd0\x00"

    def test_subscriber_that_reads_slowly_is_not(self, broker, raw):
        slow, publisher = raw(receive_buffer=32_768), raw()
        slow.log_in("pump", client_id="slow")
        slow.send(subscribe_packet(TOPIC))
        slow.receive(5)
        publisher.log_in("pump", client_id="publisher")
        for _ in range(200):
            publisher.send(publish_packet(TOPIC, bytes(LARGEST)))
        for _ in range(24):
            slow.receive(20_000)
            threading.Event().wait(0.1)  # so slow that one packet takes longer than a silent client is given
        assert broker.stats["closed.stalled"] == 0

    def test_client_that_asks_and_never_reads_the_answers_is_disconnected(self, broker, raw):
        asker = raw(receive_buffer=4_096)
        asker.log_in("pump")
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            asker.send(b"\xc0\x00" * 50_000_000)
        assert broker.stats["closed.stalled"] == 1


def _without_own_limits(broker, client_id: str) -> None:
    """Gives one of the bridge's sessions the usual limits."""
    session = broker.broker._shared.sessions._by_account["bridge"][client_id]
    session.limits = broker.broker._shared.limits.session


async def _held(broker, client_id: str) -> int:
    """Bytes kept for a session and its connection: the queue, what is not yet written, what is not yet handled."""
    session = broker.broker._shared.sessions._by_account["bridge"][client_id]
    link = session.outlet
    unwritten = link._transport.get_write_buffer_size() + link._out_bytes
    return session._held_bytes + unwritten + link._reader.buffered
