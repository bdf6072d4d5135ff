"""Subscriptions of MQTT 5: their options and identifiers, and those that several sessions share."""

from __future__ import annotations

import pytest

from bridges.broker import Limits, SessionLimits
from bridges.mqtt.packets import (
    ReasonCode,
    RetainHandling,
    SubAckPacket,
    Subscription,
)
from tests.bridges.broker.clients import RunningBroker, packet, text
from tests.bridges.broker.scenarios.wire import MakeWire, Wire


@pytest.fixture
def writer(wire: MakeWire) -> Wire:
    return wire("bridge", "writer")


class TestSubscriptionOptions:
    def test_no_local(self, wire: MakeWire, writer: Wire) -> None:
        client = wire("bridge")
        client.subscribe(Subscription("TopicA", 2, no_local=True))
        client.subscribe("TopicB")
        client.publish("TopicA", b"own")
        writer.publish("TopicA", b"of another")
        assert client.message().payload == b"of another"

    @pytest.mark.parametrize("as_published", [True, False])
    def test_retain_as_published(self, wire: MakeWire, writer: Wire, as_published: bool) -> None:
        client = wire("bridge")
        client.subscribe(Subscription("TopicA", 2, retain_as_published=as_published))
        for retain in (True, False):
            writer.publish("TopicA", b"x", retain=retain)
        assert [client.message().retain for _ in range(2)] == [as_published, False]

    @pytest.mark.parametrize(
        ("handling", "first", "again"),
        [(RetainHandling.SEND, 1, 1), (RetainHandling.SEND_IF_NEW, 1, 0), (RetainHandling.DO_NOT_SEND, 0, 0)],
    )
    def test_retain_handling(
        self, wire: MakeWire, writer: Wire, handling: RetainHandling, first: int, again: int
    ) -> None:
        writer.publish("TopicA", b"kept", 1, retain=True)
        client = wire("bridge")
        for count in (first, again):
            client.subscribe(Subscription("TopicA", 2, retain_handling=handling))
            assert client.messages(count) == [("TopicA", b"kept", 1)] * count
            client.nothing_more()

    def test_subscription_identifiers(self, wire: MakeWire, writer: Wire) -> None:
        client = wire("bridge")
        client.subscribe("TopicA", subscription_id=456789)
        client.subscribe("TopicA/#", subscription_id=2)
        client.subscribe("TopicB")
        for topic in ("TopicA", "TopicA/B", "TopicB"):
            writer.publish(topic)
        assert [client.message().subscription_ids for _ in range(3)] == [(2, 456789), (2,), ()]

    def test_an_invalid_filter_is_refused_by_name(self, wire: MakeWire) -> None:
        client = wire("bridge")
        for topic_filter in ("a/#/b", "a+", "$share/group", "$share//a", "$share/+/a", "$share/g/a#"):
            client.sock.sendall(packet(0x82, b"\0\1\0" + text(topic_filter) + b"\1"))
            assert client.next(SubAckPacket).reason_codes == (ReasonCode.TOPIC_FILTER_INVALID,)


class TestSharedSubscriptions:
    def test_each_message_goes_to_one_of_them(self, wire: MakeWire, writer: Wire) -> None:
        members = [wire("bridge", f"member-{number}") for number in range(2)]
        for member in members:
            member.subscribe("$share/group/TopicA/#", qos=1)
        other = wire("bridge", "other")
        other.subscribe("TopicA/#", qos=1)
        for number in range(4):
            writer.publish("TopicA/x", b"%d" % number, 1)
        assert [each[1] for each in other.messages(4)] == [b"0", b"1", b"2", b"3"]
        assert sorted(each[1] for member in members for each in member.messages(2)) == [b"0", b"1", b"2", b"3"]

    def test_those_that_are_connected_come_first(self, wire: MakeWire, writer: Wire) -> None:
        away, here = wire("bridge", "away", clean_start=False), wire("bridge", "here")
        for member in (away, here):
            member.subscribe("$share/group/TopicA")
        away.disconnect()
        for number in range(3):
            writer.publish("TopicA", b"%d" % number, 1)
        assert len(here.messages(3)) == 3

    def test_the_last_member_leaves_nothing_behind(self, wire: MakeWire, broker: RunningBroker) -> None:
        client = wire("bridge")
        client.subscribe("$share/group/TopicA")
        assert client.unsubscribe("$share/group/TopicA") == (ReasonCode.SUCCESS,)
        assert broker.stats["subscriptions"] == 0

    def test_they_bring_no_retained_messages(self, wire: MakeWire, writer: Wire) -> None:
        writer.publish("TopicA", b"kept", 1, retain=True)
        client = wire("bridge")
        client.subscribe("$share/group/TopicA")
        client.nothing_more()

    def test_no_local_is_not_possible(self, wire: MakeWire) -> None:
        client = wire("bridge")
        with pytest.raises(AssertionError):
            client.subscribe(Subscription("$share/group/TopicA", no_local=True))

    def test_a_member_that_may_not_receive_a_message_is_passed_over(self, wire: MakeWire, writer: Wire) -> None:
        listener, bridge = wire("listener"), wire("bridge")
        for member in (listener, bridge):
            member.subscribe("$share/group/#")
        for _ in range(3):
            writer.publish("secret", b"x")
        assert len(bridge.messages(3)) == 3
        listener.nothing_more()


class TestFullMembersOfAGroup:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(session=SessionLimits(queue_messages=2))

    def test_a_member_with_room_comes_before_one_that_would_drop_the_message(
        self, wire: MakeWire, broker: RunningBroker
    ) -> None:
        full, free = (wire("pump", name, clean_start=False) for name in ("full", "free"))
        full.subscribe("devices/pump/own")
        for member in (full, free):
            member.subscribe("$share/group/devices/pump/x")
            member.disconnect()
        writer = wire("pump", "writer")
        for _ in range(2):
            writer.publish("devices/pump/own", b"", 1)
        for number in range(2):
            writer.publish("devices/pump/x", b"%d" % number, 1)
        assert broker.stats["dropped.offline_qos1"] == 0
        back = wire("pump", "free", clean_start=False)
        assert [each[1] for each in back.messages(2)] == [b"0", b"1"]
