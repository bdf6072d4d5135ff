"""A Mosquitto that runs with what the command has written, and clients of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from bridges.mosquitto.conf import Layout
from tests.support.servers import Part, Server, find, keep_root

WAIT_S = 20


class Exporter(Part):
    """The command with --watch; it is up when Mosquitto has been told."""

    READY = "Mosquitto has the accounts as they are now"


class Exported(Server):
    """Mosquitto as the command has configured it."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.layout = Layout(folder / "export", folder / "export" / "data")
        arguments = ["exportmosquitto", str(self.layout.folder), f"--listener=127.0.0.1:{self.port}", *options]
        environment = {"DATA_DIR": str(folder / "hub"), "MQTT_URL": "mqtt://bridge:bridge-secret@127.0.0.1"}
        self.exporter = Exporter(folder, ["manage.py", *arguments, "--watch"], environment)
        self.exporter.manage("migrate", "-v0")
        self.shell("from devices.models import Space; Space.objects.create(slug='garden', name='Garden')")
        self.secrets = {"bridge": "bridge-secret"} | {uid: self.create(uid) for uid in ("pump", "valve")}
        self.printed = self.exporter.manage(*arguments)
        keep_root(self.layout)

    def command(self) -> list[str]:
        return [find("mosquitto"), "-c", str(self.layout.conf)]

    def shell(self, code: str) -> str:
        return self.exporter.manage("shell", "-v0", "-c", code)

    def create(self, uid: str) -> str:
        secret: str = json.loads(self.exporter.manage("createdevice", uid, "--space=garden"))["secret"]
        return secret


class Client:
    """A client of one account; collects the topics of what it hears."""

    def __init__(self, port: int, name: str, secret: str, client_id: str = "", **options: Any) -> None:
        self.heard: list[str] = []
        self.payloads: set[bytes] = set()
        self.refused: object = None
        self.gone = threading.Event()
        self._answered, self._subscribed = threading.Event(), threading.Event()
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or name, reconnect_on_failure=False, **options
        )
        self.mqtt.username_pw_set(name, secret)
        self.mqtt.on_connect = self._on_connect
        self.mqtt.on_subscribe = lambda *_: self._subscribed.set()
        self.mqtt.on_disconnect = lambda *_: self.gone.set()
        self.mqtt.on_message = self._on_message
        self._port = port

    def connect(self) -> bool:
        """Whether it was let in."""
        self.mqtt.connect("127.0.0.1", self._port)
        self.mqtt.loop_start()
        assert self._answered.wait(WAIT_S)
        return not self.refused

    def subscribe(self, topic_filter: str) -> None:
        self._subscribed.clear()
        self.mqtt.subscribe(topic_filter, 1)
        assert self._subscribed.wait(WAIT_S)

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> None:
        self.mqtt.publish(topic, payload, 1, retain).wait_for_publish(WAIT_S)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()

    def _on_connect(self, _client: object, _userdata: object, _flags: object, reason: Any, _more: object) -> None:
        self.refused = reason if reason.is_failure else None
        self._answered.set()

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append(message.topic)
        self.payloads.add(message.payload)


def eventually(holds: Callable[[], bool], within_s: float = WAIT_S) -> bool:
    end = time.monotonic() + within_s
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return held


def signs_in(broker: Server, name: str, secret: str) -> bool:
    client = Client(broker.port, name, secret, client_id=f"{name}-probe")
    let_in = client.connect()
    client.close()
    return let_in
