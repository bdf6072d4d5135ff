"""`manage.py exportmosquitto` and the Mosquitto that runs with what it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from bridges.mosquitto.conf import Layout
from tests.servers import Mosquitto, Part, Server, find, free_port, keep_root

WAIT_S = 20
WITHIN_S = 8.0
"""A check of the database every three seconds, and room for a busy machine."""

CHANGE = """
from devices.models import Device
from devices.services import devices
"""


class Exporter(Part):
    """The command with --watch; nothing listens at its port, and it is up when it has reloaded Mosquitto."""

    READY = "Mosquitto has the accounts as they are now"


class Exported(Server):
    """Mosquitto as the command has configured it."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.layout = Layout(folder / "export", folder / "export" / "data")
        self.bridge_port = free_port()
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


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Exported]:
    found = Exported(tmp_path)
    found.start()
    yield found
    found.exporter.stop()
    found.stop()


def signs_in(broker: Server, name: str, secret: str) -> bool:
    client = Client(broker.port, name, secret, client_id=f"{name}-probe")
    let_in = client.connect()
    client.close()
    return let_in


def watch(broker: Exported) -> None:
    process = broker.exporter
    log = process.folder / "watch.log"
    with log.open("w") as out:
        process.process = subprocess.Popen(
            process.command(), env=process.environment(), stdout=out, stderr=out, text=True, cwd=process.folder.cwd()
        )
    assert eventually(lambda: Exporter.READY in log.read_text()), log.read_text()


def test_it_writes_what_mosquitto_starts_with_and_shows_no_secret(broker: Exported) -> None:
    assert signs_in(broker, "pump", broker.secrets["pump"])
    assert signs_in(broker, "bridge", "bridge-secret")
    assert not signs_in(broker, "pump", "wrong")
    assert not signs_in(broker, "bridge", broker.secrets["pump"])
    for path in (broker.layout.conf, broker.layout.passwords, broker.layout.acl):
        assert path.stat().st_mode & 0o7 == 0
    texts = [broker.printed, *(path.read_text() for path in broker.layout.folder.iterdir() if path.is_file())]
    assert not any(secret in text for text in texts for secret in broker.secrets.values())


def test_watching_lets_a_new_device_in_and_cuts_a_replaced_secret_off(broker: Exported) -> None:
    watch(broker)
    pump, valve = (Client(broker.port, uid, broker.secrets[uid]) for uid in ("pump", "valve"))
    assert pump.connect()
    assert valve.connect()
    tank = broker.create("tank")
    assert eventually(lambda: signs_in(broker, "tank", tank), WITHIN_S)
    new = broker.shell(f"{CHANGE}print(devices.rotate_secret(Device.objects.get(uid='pump')))").strip()
    assert pump.gone.wait(WITHIN_S)
    assert not signs_in(broker, "pump", broker.secrets["pump"])
    assert signs_in(broker, "pump", new)
    broker.shell(f"{CHANGE}Device.objects.get(uid='tank').delete()")
    assert eventually(lambda: not signs_in(broker, "tank", tank), WITHIN_S)
    assert not valve.gone.is_set()
    assert broker.exporter.stop() == 0
    valve.close()


def test_watching_spares_a_process_that_took_over_the_number(broker: Exported) -> None:
    broker.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    broker.layout.pid_file.write_text(f"{bystander.pid}\n")
    process = broker.exporter
    log = process.folder / "watch.log"
    with log.open("w") as out:
        process.process = subprocess.Popen(process.command(), env=process.environment(), stdout=out, stderr=out)
    assert eventually(lambda: "another program" in log.read_text())
    assert bystander.poll() is None
    broker.start()  # and goes on as soon as there is a Mosquitto
    assert eventually(lambda: Exporter.READY in log.read_text())
    bystander.kill()
    bystander.wait()


@pytest.mark.parametrize(
    "topic_filter", ["#", "+/+", "+/#", "$SYS/#", "devices/#", "devices/+/telemetry", "devices/valve/#"]
)
def test_a_device_hears_nothing_of_others(broker: Exported, topic_filter: str) -> None:
    bridge, pump, valve = (Client(broker.port, name, broker.secrets[name]) for name in ("bridge", "pump", "valve"))
    for client in (bridge, pump, valve):
        assert client.connect()
    valve.publish("devices/valve/status", b"online", retain=True)
    pump.subscribe(topic_filter)
    pump.subscribe("devices/pump/commands/+")
    valve.publish("devices/valve/telemetry")
    bridge.publish("devices/valve/commands/1")
    bridge.publish("devices/pump/commands/last")
    assert eventually(lambda: "devices/pump/commands/last" in pump.heard)
    assert [topic for topic in pump.heard if not topic.startswith("devices/pump/")] == []
    for client in (bridge, pump, valve):
        client.close()


def test_a_device_says_nothing_for_others(broker: Exported) -> None:
    bridge, valve = (Client(broker.port, name, broker.secrets[name]) for name in ("bridge", "valve"))
    for client in (bridge, valve):
        assert client.connect()
    bridge.subscribe("devices/#")
    valve.subscribe("devices/valve/#")
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    pump.mqtt.will_set("devices/valve/status", b"offline", 1, retain=True)
    if pump.connect():
        for topic in ("devices/valve/telemetry", "devices/valve/commands/1", "elsewhere"):
            pump.publish(topic)
        pump.publish("devices/valve/status", b"forged", retain=True)
        pump.mqtt.socket().shutdown(2)  # without DISCONNECT: its will is due
        assert pump.gone.wait(WAIT_S)
    own = Client(broker.port, "pump", broker.secrets["pump"], client_id="pump-2")
    assert own.connect()
    own.publish("devices/pump/telemetry")
    assert eventually(lambda: "devices/pump/telemetry" in bridge.heard)
    assert (bridge.heard, valve.heard) == (["devices/pump/telemetry"], [])
    late = Client(broker.port, "bridge", broker.secrets["bridge"], client_id="late")
    assert late.connect()
    late.subscribe("devices/#")
    own.publish("devices/pump/attributes")
    assert eventually(lambda: "devices/pump/attributes" in late.heard)
    assert late.heard == ["devices/pump/attributes"]
    for client in (bridge, valve, own, late):
        client.close()


def test_with_a_listener_of_its_own_the_bridge_keeps_its_session(tmp_path: Path) -> None:
    bridge_port = free_port()
    broker = Exported(tmp_path, f"--bridge-listener=127.0.0.1:{bridge_port}")
    broker.start()
    bridge = Client(bridge_port, "bridge", "bridge-secret", client_id="hubbub-bridge", clean_session=False)
    second = Client(bridge_port, "bridge", "bridge-secret", client_id="hubbub-bridge-out")
    pump = Client(broker.port, "pump", broker.secrets["pump"], client_id="hubbub-bridge")
    for client in (bridge, second, pump):
        assert client.connect()
    bridge.subscribe("devices/#")
    pump.publish("devices/pump/telemetry")
    assert eventually(lambda: "devices/pump/telemetry" in bridge.heard)
    assert not bridge.gone.is_set()
    for client in (bridge, second, pump):
        client.close()
    broker.stop()


def test_mosquitto_killed_a_second_after_1000_acknowledgements_has_lost_none(broker: Exported) -> None:
    bridge = Client(broker.port, "bridge", "bridge-secret", clean_session=False)
    assert bridge.connect()
    bridge.subscribe("devices/+/telemetry")
    bridge.close()
    pump = Client(broker.port, "pump", broker.secrets["pump"])
    assert pump.connect()
    sent = {str(i).encode() for i in range(1000)}
    for last in [pump.mqtt.publish("devices/pump/telemetry", each, 1) for each in sent]:
        last.wait_for_publish(WAIT_S)
        assert last.is_published()
    time.sleep(1)  # what is promised: a second after the acknowledgement, whatever happens
    broker.stop(signal.SIGKILL)
    broker.start()
    bridge = Client(broker.port, "bridge", "bridge-secret", clean_session=False)
    assert bridge.connect()
    assert eventually(lambda: bridge.payloads == sent)
    bridge.close()


def test_without_a_bridge_password_it_says_where_one_can_be(tmp_path: Path) -> None:
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "MQTT_URL": ""}
    command = [*Part(tmp_path, ["manage.py", "exportmosquitto", str(tmp_path / "export")], {}).command()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "MQTT_URL" in done.stderr
    assert not (tmp_path / "export").exists()


def test_the_tests_mosquitto_takes_an_account_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    broker = Exported(tmp_path, f"--bridge-password-file={tmp_path / 'password'}", "--save=seconds")
    broker.start()
    assert signs_in(broker, "bridge", "from a file")
    assert not signs_in(broker, "bridge", "bridge-secret")
    broker.stop()
    assert isinstance(broker, Server)
    assert not isinstance(broker, Mosquitto)
