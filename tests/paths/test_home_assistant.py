"""Home Assistant, played by a program: devices announce themselves to those who may watch them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import httpx
import paho.mqtt.client as mqtt
import pytest

from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.servers import START_S

pytestmark = pytest.mark.timeout(120)


class HomeAssistant:
    """Subscribes as the integration does, and keeps the newest message of each topic."""

    def __init__(self, hub: RunningHub, username: str) -> None:
        self.messages: dict[str, bytes] = {}
        self._subscribed = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(username, hub.create_token(username))
        self._client.on_connect = lambda client, *_: client.subscribe([("homeassistant/#", 1), ("devices/#", 1)])
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", hub.mqtt_port)
        self._client.loop_start()
        assert self._subscribed.wait(START_S)

    def press(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, 1).wait_for_publish(START_S)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _: object, __: object, message: mqtt.MQTTMessage) -> None:
        self.messages[message.topic] = message.payload


@pytest.fixture(scope="module")
def announcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    server = RunningHub(tmp_path_factory.mktemp("announcing"), HA_DISCOVERY="1")
    server.create_device("fan-1")
    server.start()
    yield server
    assert server.stop() == 0


def test_devices_announce_themselves_to_those_who_may_watch_them(announcing: RunningHub) -> None:
    fan = announcing.create_device("fan-2")
    basic = httpx.BasicAuth(fan.uid, fan.secret)
    sent = httpx.post(f"{announcing.url}/api/v1/devices/fan-2/telemetry", json={"speed": 20}, auth=basic)
    assert sent.is_success
    home, stranger = HomeAssistant(announcing, "bob"), HomeAssistant(announcing, "mallory")
    eventually(lambda: "homeassistant/device/fan-2/config" in home.messages, within_s=60)
    config = json.loads(home.messages["homeassistant/device/fan-2/config"])
    assert config["cmps"]["speed"]["stat_t"] == "devices/fan-2/telemetry"
    eventually(lambda: home.messages.get("homeassistant/device/fan-2/availability") == b"online")
    assert stranger.messages == {}
    home.leave()
    stranger.leave()
