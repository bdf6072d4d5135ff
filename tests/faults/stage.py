"""What the fault tests act on: devices that publish, a broker, a bridge, a web process, and who counts what came of it.

Every message carries its device and its number. The verdict is what the broker acknowledged minus what is stored.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import psycopg

from devices.runtime.credentials import hash_secret
from tests.paths.conftest import Credentials, RunningHub
from tests.ports import free_port
from tests.servers import Bridge, Mosquitto, Part, Redis, Server, Together

LONG = os.environ.get("LONG_FAULTS") == "1"
"""Whether outages last as long as docs/faults.md says; otherwise only as long as it takes to be one."""
CATCH_UP_S = 60
"""Room for a slow machine; a healthy bridge needs a second or two."""
UIDS = [f"counter-{n}" for n in range(8)]

Number = tuple[str, int]
"""A message: the uid of its device and its own number there."""


def eventually(condition: Callable[[], Any], within_s: float = CATCH_UP_S) -> float | None:
    """Seconds until the condition was true; `None` where it was not in time."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > within_s:
            return None
        time.sleep(0.05)
    return time.monotonic() - start


class Publisher(threading.Thread):
    """A device: publishes numbered messages with QoS 1, and repeats what was not acknowledged after a reconnect."""

    def __init__(
        self,
        port: int,
        device: Credentials,
        messages: int,
        *,
        per_second: int = 2_500,
        own_times: bool = True,
        first_ms: int = 0,
        padding: int = 0,
    ) -> None:
        """`own_times`: each message names its time, a millisecond after the one before, the first `first_ms`; without
        that so that the last is now. `padding`: spaces that make it longer."""
        super().__init__(name=device.uid)
        self.uid = device.uid
        self.sent = 0
        self.acknowledged: dict[int, float] = {}
        """Number -> when the broker said so (`time.monotonic`)."""
        self._messages = messages
        self._per_second = per_second
        self._own_times = own_times
        # Not ahead: the hub replaces times that are ahead of its clock.
        self._first_ms = first_ms or time.time_ns() // 1_000_000 - messages
        self._padding = " " * padding
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device.uid)
        self._client.username_pw_set(device.uid, device.secret)
        self._client.max_inflight_messages_set(100)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)

    @property
    def done(self) -> bool:
        return len(self.acknowledged) == self._messages

    @property
    def numbers(self) -> set[Number]:
        """What the broker has acknowledged."""
        return {(self.uid, i) for i in list(self.acknowledged)}

    def wait_until_sent(self, count: int) -> None:
        assert eventually(lambda: self.sent >= count) is not None

    def run(self) -> None:
        self._client.loop_start()
        self._publish_all()
        eventually(lambda: self.done)
        self._client.disconnect()
        self._client.loop_stop()

    def _publish_all(self) -> None:
        start = time.monotonic()
        for i in range(self._messages):
            if self._per_second and i % 10 == 0:
                time.sleep(max(0.0, start + i / self._per_second - time.monotonic()))
            self._client.publish(f"devices/{self.uid}/telemetry", self._payload(i), qos=1)
            self.sent += 1

    def _payload(self, i: int) -> str:
        values = {"i": i, "half": i / 2}
        message = {"ts": self._first_ms + i, "values": values} if self._own_times else values
        return json.dumps(message) + self._padding

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, *_: Any) -> None:
        self.acknowledged[mid - 1] = time.monotonic()  # paho counts from 1, and we send nothing else


@dataclass(frozen=True)
class Prepared:
    """A data folder with the demo space and the devices `UIDS` in it, to be copied."""

    data: Path
    devices: list[Credentials]
    token: str


def prepare(folder: Path, **settings: str) -> Prepared:
    hub = RunningHub(folder, **settings)
    hub.start()
    made = map(json.loads, hub.manage("createdevice", *UIDS, "--space", "demo").splitlines())
    devices = [Credentials(each["uid"], each["secret"]) for each in made]
    token = hub.create_token("alice")
    hub.stop()
    return Prepared(Path(hub.settings["DATA_DIR"]), devices, token)


class Stage(Together):
    """Redis, Mosquitto, a bridge, and with `web` a Daphne; entered, they run.

    `data`: a folder of its own for the database, else below `folder`. Settings beside the usual ones go to the bridge
    and Daphne.
    """

    def __init__(
        self, folder: Path, prepared: Prepared, *, data: Path | None = None, web: bool = False, **settings: str
    ) -> None:
        self.devices = prepared.devices
        self.token = prepared.token
        self.data = shutil.copytree(prepared.data, data or folder / "staged", dirs_exist_ok=True)
        self.redis, self.mosquitto = Redis(folder), Mosquitto(folder)
        self.mosquitto.accounts = {device.uid: hash_secret(device.secret) for device in self.devices}
        self.mosquitto.accounts["bridge"] = hash_secret("secret")
        self.settings = {
            "DATA_DIR": str(self.data),
            "REDIS_URL": self.redis.url,
            "MQTT_URL": self.mosquitto.url("bridge", "secret"),
            "DEVICE_RATE_LIMIT": "0",
            **settings,
        }
        self.bridge: Server = Bridge(folder, self.settings)
        port = free_port()
        self.web = Part(folder, ["-m", "daphne", "-p", str(port), "hub.asgi:application"], self.settings, port)
        self._with_web = web

    @property
    def servers(self) -> list[Server]:
        return [self.redis, self.mosquitto, self.bridge, *([self.web] if self._with_web else [])]

    def publisher(self, messages: int, device: int = 0, **options: Any) -> Publisher:
        """One that has begun to publish."""
        made = Publisher(self.mosquitto.port, self.devices[device], messages, **options)
        made.start()
        return made

    def get(self, path: str, headers: Mapping[str, str] | None = None, timeout_s: float = 20) -> httpx.Response:
        """What the web process answers a holder of a token."""
        headers = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
        return httpx.get(f"http://127.0.0.1:{self.web.port}{path}", headers=dict(headers), timeout=timeout_s)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        url = self.settings.get("DATABASE_URL")
        if url:
            with psycopg.connect(url) as postgres:
                return postgres.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(self.data / "hubbub.sqlite3", timeout=30)) as database:
            return database.execute(sql).fetchall()

    def stored(self) -> list[Number]:
        """Each message as often as it is stored, by the times of the readings."""
        rows = self.rows(
            "SELECT uid, number FROM devices_reading"
            " JOIN devices_metric ON devices_metric.id = metric_id"
            " JOIN devices_device ON devices_device.id = device_id"
            " WHERE devices_metric.name = 'i' ORDER BY time"
        )
        return [(uid, int(number)) for uid, number in rows]

    def wait_until_stored(self, wanted: set[Number]) -> float | None:
        return eventually(lambda: wanted <= set(self.stored()))

    def check(self, *publishers: Publisher) -> float:
        """Waits for the publishers; then all they sent must be stored, once. Returns how long that took after them."""
        for publisher in publishers:
            publisher.join()
            assert publisher.done, f"{publisher.uid}: {len(publisher.acknowledged)} acknowledged"
        wanted = {number for publisher in publishers for number in publisher.numbers}
        took_s = self.wait_until_stored(wanted)
        stored = Counter(self.stored())
        lost = wanted - stored.keys()
        assert not lost, f"{len(lost)} of {len(wanted)} lost: {sorted(lost)[:5]}"
        doubled = [number for number, times in stored.items() if times > 1]
        assert not doubled, f"{len(doubled)} doubled: {sorted(doubled)[:5]}"
        return took_s or 0.0
