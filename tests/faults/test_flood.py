"""A device that floods the hub costs others nothing, and loses nothing that it sends with QoS 1."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.runtime.credentials import hash_secret
from tests.bridges.broker.clients import RawClient, connect_packet, publish_packet
from tests.support.data_folder import Credentials
from tests.support.eventually import eventually
from tests.support.hub import RunningHub
from tests.support.publisher import Publisher
from tests.support.servers import Mosquitto, Server
from tests.support.stack import Stack

FLOOD, METRICS, TIMES = 600, 480, 6
"""Messages, and what each holds: 21 MiB and 1.7 million values in all, where 600 messages a second are allowed."""
MESSAGES = 50
LIMIT, CATCH_UP = 400, 3_000
"""Messages a second that a device may send, and how many it has kept."""
SOON_S = 10.0

pytestmark = pytest.mark.timeout(180)


class FloodedStack(Stack):
    """One hub with its own broker and the limits as they are by default."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.hub = RunningHub(folder, **settings)
        self.devices = self.hub.records.create_devices("loud", "quiet")
        self.data, self.settings = folder / "data", {}

    @property
    def servers(self) -> list[RunningHub]:  # type: ignore[override]
        return [self.hub]

    @property
    def broker_port(self) -> int:
        return self.hub.mqtt_port

    def publisher(self, messages: int, device: int = 0, **options: Any) -> Publisher:
        made = Publisher(self.broker_port, self.devices[device], messages, **options)
        made.start()
        return made

    def counter(self, name: str) -> float:
        """Of all its labels."""
        lines = httpx.get(f"{self.hub.url}/metrics", timeout=20).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def connect(self, device: Credentials) -> RawClient:
        client = RawClient(self.broker_port)
        client.send(connect_packet(device.uid, client_id=device.uid, password=device.secret))
        assert client.receive(4) == b"\x20\x02\x00\x00"
        return client


class BehindMosquitto(FloodedStack):
    def __init__(self, folder: Path, **settings: str) -> None:
        self.mosquitto = Mosquitto(folder)
        super().__init__(folder, MQTT_URL=self.mosquitto.url("bridge", "secret"), **settings)
        self.mosquitto.accounts = {device.uid: hash_secret(device.secret) for device in self.devices}
        self.mosquitto.accounts["bridge"] = hash_secret("secret")

    @property
    def servers(self) -> list[Server]:  # type: ignore[override]
        return [self.mosquitto, self.hub]

    @property
    def broker_port(self) -> int:
        return self.mosquitto.port


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[FloodedStack]:
    with FloodedStack(tmp_path) as found:
        yield found


def large_message(number: int) -> bytes:
    start = time.time_ns() // 1_000_000 - FLOOD * TIMES + number * TIMES
    values = ",".join(f'"m{i}":7.5' for i in range(METRICS))
    items = ",".join(f'{{"ts":{start + i},"values":{{{values}}}}}' for i in range(TIMES))
    return publish_packet("devices/loud/telemetry", f"[{items}]".encode())


def test_what_a_device_sends_beside_a_flood_is_stored_soon_and_completely(stack: FloodedStack) -> None:
    loud, quiet = map(stack.connect, stack.devices)
    for number in range(FLOOD):
        loud.send(large_message(number))
    for number in range(MESSAGES):
        quiet.send(publish_packet("devices/quiet/telemetry", b'{"count":%d}' % number))  # QoS 0
    took_s = eventually(lambda: len(stack.stored_of("quiet")) == MESSAGES, SOON_S)
    print(f"stored {took_s:.2f} s after the last message")
    assert stack.stored_of("quiet") == list(range(MESSAGES))
    loud.end()
    quiet.end()
    assert stack.hub.stop() == 0  # it does not store the flood first


def test_a_device_that_catches_up_with_qos_1_is_slowed_down_and_nothing_is_refused(tmp_path: Path) -> None:
    with FloodedStack(tmp_path, DEVICE_RATE_LIMIT=str(LIMIT)) as stack:
        began = time.monotonic()
        loud = stack.publisher(CATCH_UP, per_second=10_000)
        quiet = stack.publisher(MESSAGES, 1, per_second=MESSAGES)
        quiet.join()
        assert not loud.done
        stack.check(loud, quiet)
        assert time.monotonic() - began > (CATCH_UP - 4 * LIMIT) / LIMIT  # three seconds' worth at once, and a turn
        assert stack.counter("hubbub_devices_delayed_total") > 0
        assert stack.counter("hubbub_messages_refused_total") == 0


def test_behind_mosquitto_a_device_that_catches_up_holds_up_nobody_and_nothing_is_refused(tmp_path: Path) -> None:
    with BehindMosquitto(tmp_path, DEVICE_RATE_LIMIT=str(LIMIT)) as stack:
        loud = stack.publisher(CATCH_UP, per_second=10_000)
        quiet = stack.publisher(MESSAGES, 1, per_second=MESSAGES)
        stack.check(quiet)
        stack.check(loud, quiet)
        assert stack.counter("hubbub_messages_over_limit_total") > 0
        assert stack.counter("hubbub_messages_refused_total") == 0
