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
