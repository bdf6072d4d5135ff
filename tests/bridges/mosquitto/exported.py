"""A Mosquitto that runs with the files of the command, and clients of it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from bridges.mosquitto.conf import MosquittoPaths
from devices.models import Space
from tests.support.data_folder import DATABASE, sqlite_records
from tests.support.databases import migrated_sqlite
from tests.support.ports import free_port
from tests.support.servers import Part, Server, find, keep_root

WAIT_S = 20


class Exporter(Part):
    """The command with --watch; it is ready once Mosquitto has been reloaded."""

    READY = "Mosquitto has the current accounts"


class Exported(Server):
    """Mosquitto as the command configures it."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.paths = MosquittoPaths(folder / "export", folder / "export" / "data")
        self.bridge_port = free_port()
        arguments = ["exportmosquitto", str(self.paths.folder), f"--listener=127.0.0.1:{self.port}", *options]
        data = folder / "hub"
        data.mkdir()
        shutil.copy(migrated_sqlite(), data / DATABASE)
        self.records = sqlite_records(data)
        environment = {"DATA_DIR": str(data), "MQTT_URL": f"mqtt://bridge:bridge-secret@127.0.0.1:{self.bridge_port}"}
        self.exporter = Exporter(folder, ["manage.py", *arguments, "--watch"], environment)
        self.records.run(Space.objects.create, slug="garden", name="Garden")
        self.secrets = {"bridge": "bridge-secret"} | {uid: self.create(uid) for uid in ("pump", "valve")}
        self.printed = self.exporter.manage(*arguments)
        keep_root(self.paths)

    def command(self) -> list[str]:
        return [find("mosquitto"), "-c", str(self.paths.conf)]

    def port_of(self, name: str) -> int:
        """Where this account connects."""
        return self.bridge_port if name == "bridge" else self.port

    def create(self, uid: str) -> str:
        [device] = self.records.create_devices(uid, space="garden")
        return device.secret


class Client:
    """A client of one account; collects the topics of the messages it receives."""

    def __init__(self, port: int, name: str, secret: str, client_id: str = "", **options: Any) -> None:
        self.topics: list[str] = []
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
        """Whether the broker accepted it."""
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
        self.topics.append(message.topic)
        self.payloads.add(message.payload)


def signs_in(broker: Exported, name: str, secret: str) -> bool:
    client = Client(broker.port_of(name), name, secret, client_id=f"{name}-probe")
    accepted = client.connect()
    client.close()
    return accepted
