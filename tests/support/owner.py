"""What an owner has at home: a broker without passwords, a Tasmota plug, and a Shelly."""

from __future__ import annotations

import json
import time
from typing import Any

import paho.mqtt.client as mqtt

from tests.support.servers import START_S, Server, find


class OwnersMosquitto(Server):
    """A broker as people run it at home: one listener, no passwords."""

    def command(self) -> list[str]:
        conf = self.folder / "mosquitto.conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        return [find("mosquitto"), "-c", str(conf)]


class Plug:
    """A Tasmota plug: reports its state, and carries out POWER."""

    def __init__(self, port: int, topic: str, login: tuple[str, str] | None = None) -> None:
        self._topic = topic
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=topic)
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.will_set(f"tele/{topic}/LWT", "Offline", 1, retain=True)
        self._client.on_connect = lambda client, *_: client.subscribe(f"cmnd/{topic}/#", 1)
        self._client.on_message = lambda _, __, message: self.report(POWER=message.payload.decode().upper())
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.publish(f"tele/{topic}/LWT", "Online", 1, retain=True).wait_for_publish(START_S)

    def report(self, **values: Any) -> None:
        self._client.publish(f"stat/{self._topic}/RESULT", json.dumps(values), 1)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class ShellyPlug:
    """A Shelly of the second generation, which signs in with the login of its source."""

    def __init__(self, port: int, topic: str, username: str, password: str) -> None:
        self._topic = topic
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="shellyplus1pm-a1b2c3")
        self._client.username_pw_set(username, password)
        self._client.will_set(f"{topic}/online", "false", 1, retain=True)
        self._client.on_connect = lambda client, *_: client.subscribe([(f"{topic}/rpc", 1), (f"{topic}/command", 1)])
        self._client.on_subscribe = lambda *_: self._publish(f"{topic}/online", "true", retain=True)
        self._client.on_message = lambda _, __, message: self._answer(json.loads(message.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def report(self, **switch: Any) -> None:
        params = {"ts": round(time.time(), 2), "switch:0": {"id": 0, **switch}}
        content = {"src": "shellyplus1pm-a1b2c3", "method": "NotifyStatus", "params": params}
        self._publish(f"{self._topic}/events/rpc", json.dumps(content))

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _answer(self, call: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"error": {"code": -103, "message": "no such component"}}
        if call["method"] == "Shelly.GetDeviceInfo":
            answer = {"result": {"name": "Boiler", "model": "SNSW-001P16EU", "gen": 2, "ver": "1.4.4"}}
        elif call["params"]["id"] == 0:
            answer = {"result": {"was_on": True}}
        reply = {"id": call["id"], "src": "shellyplus1pm-a1b2c3", "dst": call["src"], **answer}
        self._publish(f"{call['src']}/rpc", json.dumps(reply))

    def _publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain=retain)


class ZigbeeBridge:
    """Zigbee2MQTT with many lamps. It subscribes as the real one does, and carries out `set`."""

    def __init__(self, port: int, login: tuple[str, str] | None, lamps: int, first: int = 0) -> None:
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="zigbee2mqtt")
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.will_set("zigbee2mqtt/bridge/state", '{"state":"offline"}', 1, retain=True)
        self._client.on_connect = lambda client, *_: client.subscribe("zigbee2mqtt/#", 1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        numbers = range(first, first + lamps)
        devices = [{"ieee_address": f"0x{n:016x}", "friendly_name": f"room/lamp {n}", **_LAMP} for n in numbers]
        self.publish("bridge/state", {"state": "online"})
        self.publish("bridge/devices", devices)
        for n in numbers:
            self.publish(f"room/lamp {n}/availability", {"state": "online"})
            self.publish(f"room/lamp {n}", {"state": "ON", "brightness": n})

    def publish(self, path: str, content: Any) -> None:
        sent = self._client.publish(f"zigbee2mqtt/{path}", json.dumps(content), 1, retain=True)
        sent.wait_for_publish(START_S)

    def die(self) -> None:
        """Without a word, so that the broker publishes the will."""
        self._client.loop_stop()
        self._client.socket().close()  # type: ignore[union-attr]

    def _on_message(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/set"):
            name = message.topic.removeprefix("zigbee2mqtt/").removesuffix("/set")
            client.publish(f"zigbee2mqtt/{name}", json.dumps(json.loads(message.payload)), 1)


_LAMP = {
    "type": "Router",
    "definition": {
        "vendor": "Acme",
        "model": "L1",
        "description": "x" * 1_500,  # the whole list is larger than what a device may send
        "exposes": [{"type": "light", "features": [{"type": "binary", "property": "state", "access": 7}]}],
    },
}


class Things:
    """Devices that only publish: a Shelly, a node with ESPHome and a phone with OwnTracks."""

    MESSAGES: dict[str, dict[str, Any]] = {
        "shelly1": {"shellies/shelly1pm-A1B2C3/online": True, "shellies/shelly1pm-A1B2C3/relay/0/power": 23.41},
        "esphome": {"greenhouse/sensor/air_temperature/state": 21.5},
        "owntracks": {"owntracks/anna/phone": {"_type": "location", "lat": 52.51, "lon": 13.37, "batt": 81}},
    }

    def __init__(self, port: int, convention: str, login: tuple[str, str] | None) -> None:
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._messages = self.MESSAGES[convention]

    def report(self) -> None:
        for topic, content in self._messages.items():
            self._client.publish(topic, json.dumps(content), 1).wait_for_publish(START_S)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
