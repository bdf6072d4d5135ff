"""What an owner has at home: a broker without passwords, and a Tasmota plug."""

from __future__ import annotations

import json
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
