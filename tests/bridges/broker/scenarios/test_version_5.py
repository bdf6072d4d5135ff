"""What MQTT 5 adds, between clients that may use all topics."""

from __future__ import annotations

import time

import pytest

from bridges.broker import Limits
from bridges.mqtt.packets import (
    ConnAckPacket,
    ConnectPacket,
    DisconnectPacket,
    MessageProperties,
    PingReqPacket,
    PubAckPacket,
    PubCompPacket,
    PublishPacket,
    PubRecPacket,
    PubRelPacket,
    ReasonCode,
    SubAckPacket,
    SubscribePacket,
    Subscription,
    Version,
    Will,
    codec,
)
from tests.bridges.broker.clients import SECRET, RunningBroker, packet, text
from tests.bridges.broker.scenarios.wire import MakeWire, Wire
from tests.support.eventually import eventually

ALL = MessageProperties(
    payload_format=1,
    content_type="application/json",
    response_topic="answers/1",
    correlation_data=b"\x00\xff",
    user_properties=(("a", "1"), ("b", "2"), ("a", "3")),
)


@pytest.fixture
def writer(wire: MakeWire) -> Wire:
    return wire("bridge", "writer")


@pytest.fixture
def reader(wire: MakeWire) -> Wire:
    reader = wire("bridge", "reader")
    reader.subscribe("#")
    return reader


class TestProperties:
    @pytest.mark.parametrize("qos", [0, 1, 2])
    def test_those_of_a_message_are_passed_on(self, writer: Wire, reader: Wire, qos: int) -> None:
        writer.publish("TopicA", b"{}", qos, properties=ALL)
        assert reader.message().properties == ALL

    def test_those_of_a_retained_message_are_kept(self, wire: MakeWire, writer: Wire) -> None:
        writer.publish("TopicA", b"{}", 1, retain=True, properties=ALL)
        late = wire("bridge")
        late.subscribe("TopicA")
        assert late.message().properties == ALL

    def test_those_of_a_will_are_passed_on(self, wire: MakeWire, reader: Wire) -> None:
        wire("bridge", "lost", will=Will("TopicA", b"lost", properties=ALL)).break_off()
        assert reader.message().properties == ALL

    def test_a_response_topic_with_a_wildcard_ends_the_connection(self, wire: MakeWire) -> None:
        client = wire("bridge")
        client.sock.sendall(packet(0x30, text("TopicA") + b"\5\x08" + text("a+")))
        client.ended_with(ReasonCode.PROTOCOL_ERROR)

    def test_a_will_with_such_a_response_topic_is_refused(self, wire: MakeWire, reader: Wire, writer: Wire) -> None:
        """Nobody could be sent it, nor what comes after it."""
        client = wire()
        will = Will("TopicA", b"lost", 1, properties=MessageProperties(response_topic="a-b"))
        login = ConnectPacket(version=Version.V5, client_id="w", username="bridge", password=SECRET.encode(), will=will)
        client.sock.sendall(codec(Version.V5).write(login).replace(b"a-b", b"a/+"))
        answer = client.next(ConnAckPacket)
        client.break_off()
        writer.publish("TopicA", b"next", 1)
        assert reader.message().payload == b"next"
        assert answer.reason_code is ReasonCode.TOPIC_NAME_INVALID

    def test_a_subscription_identifier_of_a_client_ends_the_connection(self, wire: MakeWire) -> None:
        client = wire("bridge")
        client.publish("TopicA", subscription_ids=(1,))
        client.ended_with(ReasonCode.PROTOCOL_ERROR)

    def test_a_response_finds_its_way(self, writer: Wire, reader: Wire) -> None:
        writer.subscribe("answers/+")
        writer.publish("questions", b"?", properties=ALL)
        asked = reader.message().properties
        assert asked is not None
        assert asked.response_topic is not None
        answer = MessageProperties(correlation_data=asked.correlation_data)
        reader.publish(asked.response_topic, b"!", properties=answer)
        assert writer.message().properties == answer

    def test_a_device_learns_where_responses_may_go(self, wire: MakeWire) -> None:
        assert wire().connect("pump", wants_response_information=True).response_information is None


class TestTopicAliases:
    def test_of_the_client(self, writer: Wire, reader: Wire) -> None:
        writer.publish("TopicA", b"1", topic_alias=1)
        writer.publish("", b"2", 1, topic_alias=1)
        writer.publish("TopicB", b"3", topic_alias=1)
        writer.publish("", b"4", topic_alias=1)
        assert [each[:2] for each in reader.messages(4)] == [
            ("TopicA", b"1"),
            ("TopicA", b"2"),
            ("TopicB", b"3"),
            ("TopicB", b"4"),
        ]

    def test_they_end_with_the_connection(self, wire: MakeWire) -> None:
        wire("bridge").publish("TopicA", b"1", topic_alias=1)
        again = wire("bridge")
        again.publish("", b"2", topic_alias=1)
        again.ended_with(ReasonCode.PROTOCOL_ERROR)

    def test_no_more_than_the_broker_allows(self, wire: MakeWire) -> None:
        client = wire()
        most = client.connect("bridge").topic_alias_maximum
        assert most > 0
        client.publish("TopicA", b"", topic_alias=most)
        client.publish("TopicA", b"", topic_alias=most + 1)
        client.ended_with(ReasonCode.TOPIC_ALIAS_INVALID)

    def test_of_the_broker(self, wire: MakeWire, writer: Wire) -> None:
        reader = wire("bridge", topic_alias_maximum=1)
        reader.subscribe("#")
        for topic in ("TopicA", "TopicA", "TopicB", "TopicA"):
            writer.publish(topic)
        found = [(each.topic, each.topic_alias) for each in (reader.message() for _ in range(4))]
        assert found == [("TopicA", 1), ("", 1), ("TopicB", 0), ("", 1)]

    def test_none_for_a_client_that_does_not_want_any(self, writer: Wire, reader: Wire) -> None:
        for _ in range(2):
            writer.publish("TopicA")
        assert [reader.message().topic_alias for _ in range(2)] == [0, 0]


class TestSessionExpiry:
    def test_a_session_ends_when_its_time_is_over(self, wire: MakeWire, broker: RunningBroker) -> None:
        wire("bridge", "short", clean_start=False, session_expiry_s=1).disconnect()
        assert wire().connect("bridge", "short", clean_start=False, session_expiry_s=1).session_present
        broker.until("sessions", 1)
        wire("bridge", "other").disconnect()
        wire("bridge", "short", clean_start=False, session_expiry_s=1).disconnect()
        eventually(lambda: not broker.stats["sessions"])
        assert not wire().connect("bridge", "short", clean_start=False).session_present

    def test_without_a_time_it_ends_with_its_connection(self, wire: MakeWire) -> None:
        wire("bridge", "none", clean_start=False, session_expiry_s=0).disconnect()
        assert not wire().connect("bridge", "none", clean_start=False).session_present

    def test_it_can_be_changed_at_the_end(self, wire: MakeWire) -> None:
        wire("bridge", "a", clean_start=False, session_expiry_s=600).disconnect(session_expiry_s=0)
        assert not wire().connect("bridge", "a", clean_start=False).session_present

    def test_it_cannot_be_given_at_the_end_only(self, wire: MakeWire) -> None:
        client = wire("bridge", "a", session_expiry_s=0)
        client.send(DisconnectPacket(session_expiry_s=5))
        client.ended_with(ReasonCode.PROTOCOL_ERROR)

    def test_a_client_that_asks_for_too_much_is_told(self, wire: MakeWire) -> None:
        assert wire().connect("bridge", session_expiry_s=0xFFFF_FFFF).session_expiry_s == Limits().session_expiry_s

    def test_a_clean_start_may_begin_a_session_that_lasts(self, wire: MakeWire) -> None:
        wire("bridge", "a", session_expiry_s=600).disconnect()
        assert wire().connect("bridge", "a", clean_start=False).session_present


class TestMessageExpiry:
    def test_a_message_says_how_much_time_is_left(self, writer: Wire, reader: Wire) -> None:
        writer.publish("TopicA", b"", expiry_s=60)
        writer.publish("TopicA", b"")
        assert [reader.message().expiry_s for _ in range(2)] == [60, None]

    def test_one_that_has_expired_is_not_delivered_and_the_others_have_less_time(
        self, wire: MakeWire, writer: Wire, broker: RunningBroker
    ) -> None:
        reader = wire("bridge", "away", clean_start=False)
        reader.subscribe("#")
        reader.disconnect()
        writer.publish("TopicA", b"too late", 1, expiry_s=1)
        writer.publish("TopicA", b"in time", 1, expiry_s=600)
        writer.publish("TopicA", b"kept", 1, retain=True, expiry_s=1)
        time.sleep(1.1)
        back = wire("bridge", "away", clean_start=False)
        message = back.message()
        assert (message.payload, message.expiry_s) == (b"in time", 599)
        back.subscribe("TopicA")
        back.nothing_more()
        assert broker.stats["dropped.expired"] == 2
        assert broker.stats["retained_messages"] == 0


class TestFlow:
    def test_the_broker_keeps_to_the_receive_maximum_of_the_client(self, wire: MakeWire, writer: Wire) -> None:
        reader = wire("bridge", receive_maximum=2)
        reader.subscribe("#")
        for number, qos in enumerate((1, 2, 2, 1)):
            writer.publish("TopicA", b"%d" % number, qos)
        first, second = reader.next(PublishPacket), reader.next(PublishPacket)
        reader.nothing_more()
        reader.send(PubAckPacket(first.packet_id))
        third = reader.next(PublishPacket)
        reader.send(PubRecPacket(second.packet_id))
        assert reader.next(PubRelPacket).packet_id == second.packet_id
        reader.nothing_more()  # it counts until it is complete
        reader.send(PubCompPacket(second.packet_id))
        assert [third.payload, reader.next(PublishPacket).payload] == [b"2", b"3"]

    def test_a_message_that_is_refused_makes_room(self, wire: MakeWire, writer: Wire) -> None:
        reader = wire("bridge", receive_maximum=1)
        reader.subscribe("#")
        for number in range(2):
            writer.publish("TopicA", b"%d" % number, 2)
        reader.send(PubRecPacket(reader.next(PublishPacket).packet_id, ReasonCode.QUOTA_EXCEEDED))
        assert reader.message().payload == b"1"

    def test_unknown_packet_ids_are_answered_with_the_reason(self, wire: MakeWire) -> None:
        client = wire("bridge")
        client.send(PubRelPacket(9))
        assert client.next(PubCompPacket).reason_code is ReasonCode.PACKET_ID_NOT_FOUND
        client.send(PubRecPacket(9))
        assert client.next(PubRelPacket).reason_code is ReasonCode.PACKET_ID_NOT_FOUND

    def test_a_message_larger_than_the_client_accepts_is_left_out(
        self, wire: MakeWire, writer: Wire, broker: RunningBroker
    ) -> None:
        reader = wire("bridge", maximum_packet_size=100, receive_maximum=1)
        reader.subscribe("#")
        writer.publish("TopicA", bytes(200), 1)
        writer.publish("TopicA", b"small", 1)
        assert reader.message().payload == b"small"
        assert broker.stats["dropped.client_maximum"] == 1

    def test_an_answer_has_no_reason_in_words_where_the_client_accepts_no_packet_of_that_size(
        self, wire: MakeWire
    ) -> None:
        reader = wire("pump", maximum_packet_size=30)
        reader.send(SubscribePacket(1, (Subscription("TopicA"),)))
        assert reader.next(SubAckPacket) == SubAckPacket(1, (ReasonCode.NOT_AUTHORIZED,), None)
        reader.send(ConnectPacket(version=Version.V5, client_id="again"))
        assert reader.next(DisconnectPacket).reason is None

    def test_a_packet_larger_than_the_broker_accepts_ends_the_connection(self, wire: MakeWire) -> None:
        client = wire()
        most = client.connect("bridge").maximum_packet_size
        assert most is not None
        client.publish("TopicA", bytes(most))
        client.ended_with(ReasonCode.PACKET_TOO_LARGE)


class TestReceiveMaximumOfTheBroker:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(receive_maximum=2)

    def test_more_open_messages_end_the_connection(self, wire: MakeWire) -> None:
        client = wire()
        assert client.connect("bridge").receive_maximum == 2
        for packet_id in (1, 2, 3):
            client.send(PublishPacket("TopicA", b"", 2, packet_id=packet_id))
        assert [client.next(PubRecPacket).packet_id for _ in range(2)] == [1, 2]
        client.ended_with(ReasonCode.RECEIVE_MAXIMUM_EXCEEDED)

    def test_those_that_are_complete_do_not_count(self, wire: MakeWire) -> None:
        client = wire("bridge")
        for qos in (1, 2) * 4:
            assert client.publish("TopicA", b"", qos) is ReasonCode.SUCCESS


class TestWillDelay:
    def test_the_will_waits(self, wire: MakeWire, reader: Wire) -> None:
        lost = wire("bridge", "lost", session_expiry_s=60, will=Will("TopicA", b"lost", delay_s=1))
        lost.break_off()
        begin = time.monotonic()
        assert reader.message().payload == b"lost"
        assert 0.9 < time.monotonic() - begin < 5

    def test_it_is_not_published_if_the_client_comes_back(self, wire: MakeWire, reader: Wire, writer: Wire) -> None:
        will = Will("TopicA", b"lost", delay_s=1)
        wire("bridge", "lost", session_expiry_s=60, will=will).break_off()
        wire("bridge", "lost", clean_start=False)
        time.sleep(1.2)
        writer.publish("marker")
        assert reader.message().topic == "marker"

    @pytest.mark.parametrize("expiry_s", [0, 1])
    def test_it_is_published_when_the_session_ends_earlier(self, wire: MakeWire, reader: Wire, expiry_s: int) -> None:
        wire("bridge", "lost", session_expiry_s=expiry_s, will=Will("TopicA", b"lost", delay_s=60)).break_off()
        assert reader.message().payload == b"lost"

    def test_it_is_published_when_the_client_starts_anew(self, wire: MakeWire, reader: Wire) -> None:
        wire("bridge", "lost", session_expiry_s=60, will=Will("TopicA", b"lost", delay_s=60)).break_off()
        wire("bridge", "lost", clean_start=True)
        assert reader.message().payload == b"lost"

    def test_a_client_may_disconnect_with_its_will(self, wire: MakeWire, reader: Wire) -> None:
        leaving = wire("bridge", "leaves", will=Will("TopicA", b"as wanted"))
        leaving.disconnect(reason_code=ReasonCode.DISCONNECT_WITH_WILL_MESSAGE)
        assert reader.message().payload == b"as wanted"


class TestLogin:
    def test_a_client_without_an_id_is_given_one(self, wire: MakeWire) -> None:
        assigned = wire().connect("bridge", "", session_expiry_s=60).client_id
        assert assigned
        assert wire().connect("bridge", assigned, clean_start=False).session_present

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"password": b"wrong"}, ReasonCode.BAD_USER_NAME_OR_PASSWORD),
            ({"username": None}, ReasonCode.NOT_AUTHORIZED),
            ({"username": "broken"}, ReasonCode.SERVER_UNAVAILABLE),
            ({"will": Will("devices/valve/status", b"")}, ReasonCode.NOT_AUTHORIZED),
            ({"authentication_method": "SCRAM"}, ReasonCode.BAD_AUTHENTICATION_METHOD),
        ],
    )
    def test_a_refused_login_has_its_reason(self, wire: MakeWire, fields: dict[str, object], code: ReasonCode) -> None:
        refused = wire()
        answer = refused.connect("pump", **fields)
        assert answer.reason_code is code
        assert answer.reason
        refused.closed()

    def test_a_will_on_an_invalid_topic_is_refused(self, wire: MakeWire) -> None:
        refused = wire()
        head = text("MQTT") + b"\5\xc6\0\0\0" + text("wire") + b"\0" + text("devices/+/x") + text("")
        refused.sock.sendall(packet(0x10, head + text("pump") + text(SECRET)))
        assert refused.next(ConnAckPacket).reason_code is ReasonCode.TOPIC_NAME_INVALID
        refused.closed()

    def test_reasons_in_words_are_left_out_where_they_are_not_wanted(self, wire: MakeWire) -> None:
        for wanted in (True, False):
            pump = wire("pump", wants_reasons=wanted)
            pump.send(PublishPacket("devices/valve/x", b"", 1, packet_id=1))
            answer = pump.next(PubAckPacket)
            assert answer.reason_code is ReasonCode.NOT_AUTHORIZED
            assert bool(answer.reason) is wanted

    def test_a_packet_that_needs_an_agreed_authentication_ends_the_connection(self, wire: MakeWire) -> None:
        client = wire("bridge")
        client.sock.sendall(b"\xf0\x00")
        client.ended_with(ReasonCode.PROTOCOL_ERROR)


class TestServerKeepAlive:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(keep_alive_s=1)

    @pytest.mark.parametrize("asked", [0, 120])
    def test_the_broker_may_ask_for_a_shorter_one(self, wire: MakeWire, asked: int) -> None:
        client = wire()
        assert client.connect("bridge", keep_alive_s=asked).keep_alive_s == 1
        client.ended_with(ReasonCode.KEEP_ALIVE_TIMEOUT)

    def test_a_shorter_one_of_the_client_stays(self, wire: MakeWire) -> None:
        client = wire()
        assert client.connect("bridge", keep_alive_s=1).keep_alive_s is None
        client.send(PingReqPacket())
