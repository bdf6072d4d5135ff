"""A device that joins the group of the bridges, or takes a bridge's client id, gets none of the others' messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from django.core.management import call_command
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.publisher import Publisher
from tests.support.servers import START_S, Bridge, Mosquitto
from tests.support.stack import Stack

MESSAGES = 300
BRIDGES = ("hubbub-bridge-1", "hubbub-bridge-2")
OLD_GROUP = "$share/hubbub/devices/#"
"""The subscription of bridges before their group had a secret name."""

pytestmark = pytest.mark.timeout(240)


class GroupStack(Stack):
    """Two bridges that share the load."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bridges = [Bridge(folder, self.settings, "--of", "2") for _ in BRIDGES]

    @property
    def servers(self) -> list[Mosquitto | Bridge]:  # type: ignore[override]
        return [self.redis, self.mosquitto, *self.bridges]  # type: ignore[list-item]

    def session(self, username: str, password: str, client_id: str, topic_filter: str = "") -> SessionHolder:
        return SessionHolder(self.mosquitto.port, username, password, client_id, topic_filter)


class SessionHolder:
    """A client with a session that outlives its connection."""

    def __init__(self, port: int, username: str, password: str, client_id: str, topic_filter: str) -> None:
        self.was_kept = False
        self.received: list[str] = []
        self._ready = threading.Event()
        self._filter = topic_filter
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(username, password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.received.append(message.topic)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._ready.wait(START_S)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, *_: Any) -> None:
        self.was_kept = flags.session_present
        if self._filter:
            client.subscribe(self._filter, qos=1)
        else:
            self._ready.set()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[GroupStack]:
    with GroupStack(tmp_path) as found:
        yield found


def publish(stack: GroupStack, device: int) -> Publisher:
    """All messages have been acknowledged by the broker."""
    publisher = stack.publisher(MESSAGES, device)
    publisher.join()
    assert publisher.done
    return publisher


def test_a_device_that_joins_the_group_or_takes_a_client_id_gets_nothing(stack: GroupStack) -> None:
    mallory = stack.devices[-1]
    joined = stack.session(mallory.uid, mallory.secret, "joined", OLD_GROUP)
    online = publish(stack, device=0)
    joined.leave()  # its share would now be kept for it, or discarded
    offline = publish(stack, device=1)
    taken = [stack.session(mallory.uid, mallory.secret, name, OLD_GROUP) for name in BRIDGES]
    robbed = publish(stack, device=2)
    for session in taken:
        session.leave()
    stack.check(online, offline, robbed)
    assert [session.received for session in (joined, *taken)] == [[], [], []]
    assert not any("no inbound session" in bridge.output for bridge in stack.bridges)


def test_messages_that_wait_under_earlier_names_are_stored_once_and_the_sessions_end(stack: GroupStack) -> None:
    for bridge in stack.bridges:
        bridge.stop()
    before_secrets = stack.session("bridge", "secret", BRIDGES[0], OLD_GROUP)
    before_secrets.leave()
    publisher = publish(stack, device=0)
    stack.records.run(call_command, "renewbridgesecret")
    for bridge in stack.bridges:
        bridge.start()
    stack.check(publisher)
    for bridge in stack.bridges:
        bridge.wait_for("ended an earlier session of this bridge")
    late = stack.session("bridge", "secret", BRIDGES[0])
    assert not late.was_kept
    late.leave()
