"""What the broker has acknowledged is stored, once, whatever is killed on the way."""

from __future__ import annotations

import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from devices.credentials import hash_secret
from tests.paths.conftest import Credentials, RunningHub
from tests.servers import Bridge, Mosquitto, Redis

MESSAGES = 10_000
KILLS = 3
CATCH_UP_S = 60
"""Room for a slow machine; a healthy bridge needs a second or two."""

pytestmark = pytest.mark.timeout(240)


class Stage:
    """A broker, a bridge as a process of its own, and one device."""

    def __init__(self, folder: Path) -> None:
        hub = RunningHub(folder)
        hub.start()
        self.device: Credentials = hub.create_device("counter")
        hub.stop()
        self.redis, self.mosquitto = Redis(folder), Mosquitto(folder)
        self.mosquitto.accounts = {"bridge": hash_secret("secret"), "counter": hash_secret(self.device.secret)}
        settings = {
            "DATA_DIR": hub.settings["DATA_DIR"],
            "REDIS_URL": self.redis.url,
            "MQTT_URL": self.mosquitto.url("bridge", "secret"),
            "DEVICE_RATE_LIMIT": "0",
        }
        self.bridge = Bridge(folder, settings)
        self._database = Path(settings["DATA_DIR"]) / "hubbub.sqlite3"

    def stored(self) -> list[int]:
        """The values of the metric `i`, each as often as it is stored."""
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            rows = database.execute(
                "SELECT number FROM devices_reading JOIN devices_metric ON devices_metric.id = metric_id"
                " WHERE name = 'i' ORDER BY time"
            )
            return [int(number) for (number,) in rows]

    def wait_until_stored(self, count: int) -> None:
        end = time.monotonic() + CATCH_UP_S
        while len(self.stored()) < count and time.monotonic() < end:
            time.sleep(0.05)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    servers = [found.redis, found.mosquitto, found.bridge]
    for server in servers:
        server.start()
    yield found
    for server in reversed(servers):
        server.stop()
        print(server.output)


class Publisher(threading.Thread):
    """Publishes messages that carry their number and a time of their own."""

    def __init__(self, port: int, device: Credentials, messages: int) -> None:
        super().__init__()
        self.acknowledged = 0
        self.sent = 0
        self._messages = messages
        self._uid = device.uid
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device.uid)
        self._client.username_pw_set(device.uid, device.secret)
        self._client.max_inflight_messages_set(100)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)

    def _on_publish(self, *_: object) -> None:
        self.acknowledged += 1

    def run(self) -> None:
        self._client.loop_start()
        start = time.time_ns() // 1_000_000 - self._messages
        for i in range(self._messages):
            payload = f'{{"ts": {start + i}, "values": {{"i": {i}, "half": {i / 2}}}}}'
            last = self._client.publish(f"devices/{self._uid}/telemetry", payload, qos=1)
            self.sent += 1
            if i % 50 == 0:
                time.sleep(0.02)  # the bridge is to be met in the middle of it, not after all is queued
        last.wait_for_publish(CATCH_UP_S)
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_bridge_loses_nothing_and_doubles_nothing(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    points = sorted(dice.sample(range(500, MESSAGES - 500), KILLS))
    publisher = Publisher(stage.mosquitto.port, stage.device, MESSAGES)
    publisher.start()
    for point in points:
        while publisher.sent < point:
            time.sleep(0.001)
        stage.bridge.stop(signal.SIGKILL)
        stage.bridge.start()
    publisher.join()
    assert publisher.acknowledged == MESSAGES
    stage.wait_until_stored(MESSAGES)
    stored = stage.stored()
    assert sorted(stored) == list(range(MESSAGES))


def test_a_broker_that_is_restarted_is_found_again_and_nothing_is_lost(stage: Stage) -> None:
    """Stopped in order, Mosquitto writes its state down; the device repeats what was not acknowledged."""
    publisher = Publisher(stage.mosquitto.port, stage.device, MESSAGES)
    publisher.start()
    while publisher.sent < MESSAGES // 2:
        time.sleep(0.001)
    stage.mosquitto.stop()
    stage.mosquitto.start()
    publisher.join()
    stage.wait_until_stored(MESSAGES)
    assert set(stage.stored()) == set(range(MESSAGES))
    assert len(stage.stored()) == MESSAGES
