"""What is published goes to the sink, and is acknowledged in order once the sink is done."""

from __future__ import annotations

import pytest

from bridges.broker import Limits, Published
from tests.bridges.broker.clients import HeldSink, RawClient, publish_packet, subscribe_packet

TOPIC = "devices/pump/telemetry"
PING, PONG = b"\xc0\x00", b"\xd0\x00"


@pytest.fixture
def sink():
    return HeldSink()


@pytest.fixture
def pump(raw):
    pump = raw()
    pump.log_in("pump")
    return pump


def publish(number: int, *, qos: int = 1, dup: bool = False, payload: bytes | None = None) -> bytes:
    first = 0x30 | qos << 1 | (8 if dup else 0)
    return publish_packet(TOPIC, b"%d" % number if payload is None else payload, first=first, packet_id=number)


def puback(number: int) -> bytes:
    return b"\x40\x02" + number.to_bytes(2)


def pubrec(number: int) -> bytes:
    return b"\x50\x02" + number.to_bytes(2)


def says(client, expected: bytes) -> None:
    """The client gets exactly this, and nothing more before the answer to a ping."""
    client.send(PING)
    assert client.receive(len(expected) + 2) == expected + PONG


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_it_gets_what_is_published_as_it_was_published(sink, client, qos, retain):
    client("pump").paho.publish(TOPIC, b"payload", qos, retain)
    published, done = sink.next()
    assert published == Published("pump", TOPIC, b"payload", 7, qos, retain)
    assert (done is None) == (qos == 0)


def test_it_gets_no_message_that_its_client_may_not_publish(sink, pump):
    pump.send(publish_packet("devices/valve/telemetry", b"x", first=0x32))
    says(pump, puback(1))
    assert sink.given.empty()


@pytest.mark.parametrize("qos", [0, 1])
def test_it_gets_wills_and_must_not_drop_them(sink, client, qos):
    client("pump", will={"topic": "devices/pump/status", "payload": b"offline", "qos": qos}).break_off()
    published, done = sink.next()
    assert published == Published("pump", "devices/pump/status", b"offline", 7, qos, False)
    assert done is not None


def test_it_gets_the_beginning_of_a_payload_too_large(sink, broker, pump):
    pump.send(publish(1, payload=b"abc" + bytes(1_000_000)))
    published, done = sink.next()
    assert published == Published("pump", TOPIC, b"abc" + bytes(197), 1_000_003, 1, False)
    says(pump, b"")
    broker.call(done)
    says(pump, puback(1))


def test_subscribers_get_it_as_well(sink, client):
    listener = client("bridge")
    listener.subscribe("devices/#")
    client("pump").paho.publish(TOPIC, b"payload", 0)
    assert listener.next().payload == b"payload"


def test_nothing_is_acknowledged_before_it_is_done(sink, broker, pump):
    pump.send(publish(1))
    _, done = sink.next()
    says(pump, b"")
    broker.call(done)
    says(pump, puback(1))
    broker.call(done)
    says(pump, b"")


def test_acknowledgements_keep_the_order_of_arrival(sink, broker, pump):
    pump.send(
        publish(1) + publish(2, qos=2) + publish(3) + publish_packet("devices/valve/x", b"", first=0x32, packet_id=4)
    )
    first, second, third = (sink.next()[1] for _ in range(3))
    broker.call(third)
    broker.call(second)
    says(pump, b"")
    broker.call(first)
    says(pump, puback(1) + pubrec(2) + puback(3) + puback(4))


@pytest.mark.parametrize("qos", [1, 2])
def test_a_repeat_on_the_same_connection_is_not_accepted_twice(sink, broker, pump, qos):
    pump.send(publish(1, qos=qos) + publish(1, qos=qos, dup=True))
    _, done = sink.next()
    says(pump, b"")
    broker.call(done)
    says(pump, (puback if qos == 1 else pubrec)(1))
    assert sink.given.empty()


@pytest.mark.parametrize("qos", [1, 2])
def test_a_repeat_on_a_new_connection_is_not_accepted_twice_and_acknowledged_there(sink, broker, raw, qos):
    answer = (puback if qos == 1 else pubrec)(1)
    old = raw()
    old.log_in("pump", clean=False)
    old.send(publish(1, qos=qos))
    _, done = sink.next()
    old.end()
    broker.until("closed.connection_lost")
    newer, newest = raw(), raw()
    for connection in (newer, newest):
        connection.log_in("pump", clean=False)
        connection.send(publish(1, qos=qos, dup=True))
        says(connection, b"")
    broker.call(done)
    says(newest, answer)
    assert newer.rest() == b""
    assert sink.given.empty()


def test_the_repeat_of_a_message_that_is_done_before_an_earlier_one_is_not_accepted_twice(sink, broker, raw):
    old = raw()
    old.log_in("pump", clean=False)
    old.send(publish(1, payload=b"one") + publish(2, payload=b"two"))
    (_, first), (_, second) = sink.next(), sink.next()
    broker.call(second)
    old.end()
    broker.until("closed.connection_lost")
    again = raw()
    again.log_in("pump", clean=False)
    again.send(publish(1, payload=b"one", dup=True) + publish(2, payload=b"two", dup=True))
    says(again, b"")
    broker.call(first)
    says(again, puback(1) + puback(2))
    assert sink.given.empty()


def test_a_qos_2_message_is_answered_again_and_accepted_anew_only_after_its_release(sink, broker, pump):
    pump.send(publish(1, qos=2))
    broker.call(sink.next()[1])
    says(pump, pubrec(1))
    pump.send(publish(1, qos=2, dup=True))
    says(pump, pubrec(1))
    assert sink.given.empty()
    pump.send(b"\x62\x02\x00\x01")
    says(pump, b"\x70\x02\x00\x01")
    pump.send(publish(1, qos=2))
    assert sink.next()[1] is not None


def test_an_id_used_anew_is_another_message(sink, broker, pump):
    """A device that has lost its state counts from 1 again; what it sends then is no repeat."""
    pump.send(publish(1, payload=b"one") + publish(1, payload=b"one") + publish(1, payload=b"two", dup=True))
    taken = [sink.next() for _ in range(3)]
    assert [published.payload for published, _ in taken] == [b"one", b"one", b"two"]
    for _, done in taken:
        broker.call(done)
    says(pump, puback(1) * 3)


def test_what_is_done_after_the_connection_has_ended_is_harmless(sink, broker, raw, pump):
    pump.send(publish(1) + publish(2))
    dones = [sink.next()[1] for _ in range(2)]
    pump.end()
    broker.until("closed.connection_lost")
    for done in dones:
        broker.call(done)
    again = raw()
    again.log_in("pump")
    says(again, b"")


def test_what_it_will_not_have_kept_is_not_retained(sink, broker, client, pump):
    sink.may_be_kept = False
    pump.send(publish_packet(TOPIC, b"refused", first=0x31))
    sink.next()
    says(pump, b"")
    assert broker.stats["retained_messages"] == 0


class TestWindow:
    @pytest.fixture
    def limits(self):
        return Limits(sink_messages=3, sink_bytes=1_000)

    def test_a_connection_over_its_window_is_not_read_until_there_is_room(self, sink, broker, pump):
        pump.send(b"".join(publish(number) for number in range(1, 6)) + PING)
        taken = [sink.next() for _ in range(3)]
        _served(broker, "valve")
        assert sink.given.empty()
        broker.call(taken[0][1])
        assert pump.receive(4) == puback(1)
        assert sink.next()[0].payload == b"4"
        _served(broker, "valve")
        assert sink.given.empty()
        for _, done in taken[1:]:
            broker.call(done)
        assert pump.receive(10) == puback(2) + puback(3) + PONG
        assert sink.next()[0].payload == b"5"

    def test_its_bytes_count_too(self, sink, broker, pump):
        pump.send(publish(1, payload=bytes(1_000)) + publish(2))
        _, done = sink.next()
        _served(broker, "valve")
        assert sink.given.empty()
        broker.call(done)
        assert sink.next()[0].payload == b"2"

    def test_it_is_one_for_all_connections_of_an_account_also_those_that_have_ended(self, sink, broker, raw, pump):
        pump.send(publish(1) + publish(2))
        taken = [sink.next() for _ in range(2)]
        pump.end()
        second, third = raw(), raw()
        second.log_in("pump", client_id="second")
        third.log_in("pump", client_id="third")
        second.send(publish(3) + publish(4))
        taken.append(sink.next())
        third.send(publish(5))
        taken.append(sink.next())  # what a connection that has nothing at the sink yet may exceed it by
        third.send(publish(6))
        _served(broker, "valve")
        assert sink.given.empty()
        for _, done in taken:
            broker.call(done)
        assert {sink.next()[0].payload for _ in range(2)} == {b"4", b"6"}

    def test_the_wills_of_an_account_are_bounded_by_themselves(self, sink, broker, client):
        will = {"topic": "devices/pump/status", "payload": b"offline"}
        for _ in range(Limits().sink_wills + 1):
            client("pump", will=will).break_off()
        taken = [sink.next() for _ in range(Limits().sink_wills)]
        broker.until("dropped.wills")
        assert sink.given.empty()
        for _, done in taken:
            broker.call(done)
            broker.call(done)
        client("pump", will=will).break_off()
        assert sink.next()[0].payload == b"offline"

    def test_it_does_not_count_as_silent(self, sink, broker, raw):
        pump = raw()
        pump.log_in("pump", keep_alive_s=1)
        pump.send(b"".join(publish(number) for number in range(1, 4)))
        taken = [sink.next() for _ in range(3)]
        pump.sock.settimeout(2.5)
        with pytest.raises(TimeoutError):
            pump.sock.recv(1)
        pump.sock.settimeout(10)
        for _, done in taken:
            broker.call(done)
        assert pump.receive(12) == puback(1) + puback(2) + puback(3)

    def test_a_connection_that_ends_while_it_is_not_read_is_forgotten(self, sink, broker, pump):
        pump.send(b"".join(publish(number) for number in range(1, 4)))
        taken = [sink.next() for _ in range(3)]
        broker.run(broker.broker.disconnect("pump"))
        for _, done in taken:
            broker.call(done)
        assert broker.stats["connections"] == 0


class TestPause:
    def test_while_paused_one_message_of_each_connection_arrives_and_pings_are_answered(self, sink, broker, raw, pump):
        broker.call(broker.broker.pause_reading)
        listener = raw()
        listener.log_in("pump", client_id="listener")
        listener.send(subscribe_packet("devices/pump/commands/+"))
        listener.receive(5)
        pump.send(publish(1) + publish(2))
        _, done = sink.next()
        says(listener, b"")
        assert sink.given.empty()
        broker.call(done)
        assert pump.receive(4) == puback(1)
        sink.next()
        says(listener, b"")

    def test_a_connection_with_messages_at_the_sink_is_read_again_when_it_resumes(self, sink, broker, pump):
        pump.send(publish(1))
        sink.next()
        broker.call(broker.broker.pause_reading)
        pump.send(publish(2))
        _served(broker, "valve")
        assert sink.given.empty()
        broker.call(broker.broker.resume_reading)
        assert sink.next()[0].payload == b"2"


def test_what_is_done_before_the_broker_stops_is_acknowledged(sink, broker, pump):
    pump.send(publish(1) + publish(2))
    _, done = sink.next()
    sink.next()

    async def stop() -> None:
        done()
        await broker.broker.stop()

    broker.run(stop())
    assert pump.rest() == puback(1)


def _served(broker, name: str) -> None:
    """A whole exchange with another client: whatever the broker was going to read before it, it has read."""
    other = RawClient(broker.port)
    other.log_in(name, client_id="other")
    says(other, b"")
    other.end()
