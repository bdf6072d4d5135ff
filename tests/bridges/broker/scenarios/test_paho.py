"""The same from an independent client: paho with MQTT 5."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.bridges.broker.clients import SECRET, WAIT_S, RunningBroker


def properties(kind: int, **values: Any) -> Properties:
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Paho:
    def __init__(self, port: int, name: str, client_id: str, **connect: Any) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.events: queue.Queue[tuple[str, Any, Any]] = queue.Queue()
        self.paho = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self.paho.username_pw_set(name, SECRET)
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self.paho.on_connect = lambda _c, _u, flags, _code, found: self.events.put(("connect", flags, found))
        self.paho.on_subscribe = lambda _c, _u, _id, codes, found: self.events.put(("subscribe", codes, found))
        self.paho.on_publish = lambda _c, _u, _id, code, found: self.events.put(("publish", code, found))
        self.paho.on_disconnect = lambda _c, _u, _flags, code, found: self.events.put(("disconnect", code, found))
        self.paho.connect("127.0.0.1", port, properties=properties(PacketTypes.CONNECT, **connect))
        self.paho.loop_start()
        self.flags, self.agreed = self.event("connect")

    def event(self, kind: str) -> tuple[Any, Any]:
        found, *rest = self.events.get(timeout=WAIT_S)
        assert found == kind
        return rest[0], rest[1]

    def message(self) -> mqtt.MQTTMessage:
        return self.messages.get(timeout=WAIT_S)


@pytest.fixture
def paho(broker: RunningBroker) -> Iterator[Callable[..., Paho]]:
    made: list[Paho] = []

    def make(name: str = "bridge", client_id: str = "paho", **connect: Any) -> Paho:
        made.append(Paho(broker.port, name, client_id, **connect))
        return made[-1]

    yield make
    for each in made:
        each.paho.disconnect()
        each.paho.loop_stop()


def test_it_is_told_what_the_broker_offers(paho: Callable[..., Paho]) -> None:
    agreed = paho(client_id="").agreed
    assert agreed.AssignedClientIdentifier
    assert (agreed.ReceiveMaximum, agreed.TopicAliasMaximum) == (1_000, 16)
    assert agreed.MaximumPacketSize > 131_072


def test_properties_go_from_one_to_the_other(paho: Callable[..., Paho]) -> None:
    reader, writer = paho(client_id="reader", TopicAliasMaximum=5), paho(client_id="writer")
    identifier = properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=9)
    reader.paho.subscribe("TopicA", options=SubscribeOptions(2, retainAsPublished=True), properties=identifier)
    reader.event("subscribe")
    sent = properties(
        PacketTypes.PUBLISH,
        ContentType="text/plain",
        ResponseTopic="answers",
        CorrelationData=b"\x01",
        PayloadFormatIndicator=1,
        MessageExpiryInterval=60,
        UserProperty=[("a", "1"), ("a", "2")],
        TopicAlias=3,
    )
    for qos in (0, 1, 2):
        writer.paho.publish("TopicA", b"x", qos, retain=True, properties=sent)
    for qos in (0, 1, 2):
        message = reader.message()
        found = message.properties
        assert found is not None
        assert (message.qos, message.retain, found.SubscriptionIdentifier) == (qos, True, [9])
        assert (found.ContentType, found.ResponseTopic, found.CorrelationData) == ("text/plain", "answers", b"\x01")
        assert (found.MessageExpiryInterval, found.UserProperty) == (60, [("a", "1"), ("a", "2")])


def test_it_learns_why_it_is_refused_and_why_it_is_disconnected(
    paho: Callable[..., Paho], broker: RunningBroker
) -> None:
    pump = paho("pump")
    pump.paho.subscribe("#", 1)
    [code], found = pump.event("subscribe")
    assert code == "Not authorized"
    assert found.ReasonString == "filter outside of what the account may subscribe to"
    pump.paho.publish("devices/valve/x", b"", 1)
    code, found = pump.event("publish")
    assert (str(code), found.ReasonString) == ("Not authorized", "this account may not publish on this topic")
    broker.run(broker.broker.disconnect("pump"))
    code, found = pump.event("disconnect")
    assert str(code) == "Administrative action"
    assert found.ReasonString == "the hub ended the connections of the account"
