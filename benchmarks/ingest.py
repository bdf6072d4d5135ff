"""How many QoS 1 messages of three values each are stored and then acknowledged in a second.

    .venv/bin/python -m benchmarks.ingest [--messages 60000] [--forms embedded convention decoder …]

Generator, broker, bridge and database share the machine. The rate is over the time from the first message sent to the
last one stored. Mosquitto takes messages faster than any bridge stores them, so their number must stay below what it
queues.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.load import mqtt
from benchmarks.targets import UNLIMITED
from devices.runtime.credentials import hash_secret
from tests.support.hub import RunningHub
from tests.support.postgres import Postgres
from tests.support.servers import HubServer, Mosquitto

DEVICES = 20
BURST = 100
"""Messages sent before their acknowledgements are read; a window that Mosquitto and the embedded broker allow."""


class LoadDevice:
    """An MQTT client of few parts, so that it does not become the bottleneck: it sends and counts acknowledgements."""

    def __init__(self, port: int, uid: str, secret: str, username: str = "", topic: str = "") -> None:
        """`username`, `topic`: those of a login of a source, and of a device that speaks a convention."""
        self._topic = topic or f"devices/{uid}/telemetry"
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(mqtt.connect(uid, username or uid, secret))
        if self._socket.recv(4) != mqtt.CONNACK:
            raise SystemExit(f"the broker refused {uid}")

    def send(self, payloads: list[bytes]) -> None:
        """Sends a burst and waits until all of it is acknowledged."""
        packets = [mqtt.publish(self._topic, payload, 1, i) for i, payload in enumerate(payloads, 1)]
        self._socket.sendall(b"".join(packets))
        left = 4 * len(payloads)
        while left:
            left -= len(self._socket.recv(left))


def as_json(time_ms: int, number: int) -> bytes:
    return b'{"ts":%d,"values":{"temperature":%d.5,"humidity":40.25,"on":true}}' % (time_ms, number)


def as_bytes(_: int, number: int) -> bytes:
    """The same values in the five bytes that `SCRIPT` decodes."""
    return struct.pack(">hhB", number % 30_000, 4_025, 1)


def as_tasmota(_: int, number: int) -> bytes:
    """The same values as a Tasmota sensor reports them."""
    return b'{"Time":"2026-11-30T11:00:00","SHT3X":{"Temperature":%d.5,"Humidity":40.25},"POWER":"ON"}' % number


SCRIPT = """function decodeUplink(input) {
  var bytes = input.bytes;
  return {
    data: {
      temperature: ((bytes[0] << 8) | bytes[1]) / 100,
      humidity: ((bytes[2] << 8) | bytes[3]) / 100,
      on: bytes[4] === 1,
    },
  };
}
"""


def publish(port: int, credentials: list[dict[str, str]], messages: int, payload: Callable[[int, int], bytes]) -> None:
    devices = [LoadDevice(port, **each) for each in credentials]
    start = time.time_ns() // 1_000_000 - messages
    for first in range(0, messages, BURST * len(devices)):
        for place, device in enumerate(devices):
            numbers = range(first + place * BURST, min(first + (place + 1) * BURST, messages))
            device.send([payload(start + i, i) for i in numbers])


@contextmanager
def prepared(folder: Path, **settings: str) -> Iterator[tuple[HubServer, list[dict[str, str]]]]:
    """A hub that has made its database and the devices; it runs for as long as the block lasts."""
    hub = RunningHub(folder, **UNLIMITED, **settings)
    hub.start()
    made = hub.manage("createdevice", *[f"load-{i}" for i in range(DEVICES)], "--space", "demo")
    yield hub, [json.loads(line) for line in made.splitlines()]
    hub.stop()


def measure(
    port: int,
    credentials: list[dict[str, str]],
    messages: int,
    hub: HubServer,
    payload: Callable[[int, int], bytes] = as_json,
) -> str:
    """Publishes, waits until the newest message is stored, and reports how long it took."""
    before = stored(hub)
    begin = time.monotonic()
    publish(port, credentials, messages, payload)
    published = time.monotonic() - begin
    while stored(hub) - before < 3 * messages:
        time.sleep(0.02)
        if time.monotonic() - begin > 300:
            return f"only {stored(hub) - before} of {3 * messages} readings were stored"
    took = time.monotonic() - begin
    return (
        f"{messages / took:8,.0f} messages/s = {3 * messages / took:8,.0f} readings/s stored"
        f" (published at {messages / published:,.0f}/s)"
    )


def stored(hub: HubServer) -> int:
    """Readings that the hub's process has stored; asked of its counters, so that the count costs no scan."""
    for line in httpx.get(f"{hub.url}/metrics", timeout=60).text.splitlines():
        if line.startswith("hubbub_readings_stored_total"):
            return int(float(line.split()[1]))
    return 0


def embedded(folder: Path, messages: int) -> str:
    with prepared(folder) as (hub, credentials):
        return measure(hub.mqtt_port, credentials, messages, hub)


def decoder(folder: Path, messages: int) -> str:
    """The embedded broker, and devices whose bytes a script in JavaScript decodes."""
    with prepared(folder) as (hub, credentials):
        authorization = {"Authorization": f"Bearer {hub.create_token('alice')}"}
        with httpx.Client(base_url=f"{hub.url}/api/v1/", headers=authorization, timeout=60) as api:
            made = api.post("decoders", json={"space": "demo", "name": "Load", "script": SCRIPT}).raise_for_status()
            for each in credentials:
                api.patch(f"devices/{each['uid']}", json={"decoder": made.json()["id"]}).raise_for_status()
        time.sleep(6)  # by then the bridge has read which devices have a decoder
        return measure(hub.mqtt_port, credentials, messages, hub, as_bytes)


def convention(folder: Path, messages: int) -> str:
    """The embedded broker, and devices that speak Tasmota, all with the login of one source."""
    with prepared(folder) as (hub, _):
        source = json.loads(hub.manage("addsource", "tasmota", "--space", "demo", "--adopt"))
        login = {"username": source["username"], "secret": source["secret"]}
        plugs = [{"uid": f"plug-{n}", "topic": f"tele/plug-{n}/SENSOR", **login} for n in range(DEVICES)]
        publish(hub.mqtt_port, plugs, DEVICES * BURST, as_tasmota)
        while stored(hub) < 3 * DEVICES:  # of each, the last message is stored once it has been added
            time.sleep(0.1)
        return measure(hub.mqtt_port, plugs, messages, hub, as_tasmota)


def watched(folder: Path, messages: int) -> str:
    """The embedded broker, with a program that subscribes to everything."""
    with prepared(folder) as (hub, credentials):
        program = multiprocessing.get_context("spawn").Process(
            target=receive_everything, args=(hub.mqtt_port, "carol", hub.create_token("carol")), daemon=True
        )
        program.start()
        while broker_count(hub, "subscriptions") < 1:
            time.sleep(0.05)
        result = measure(hub.mqtt_port, credentials, messages, hub)
        delivered, dropped = (broker_count(hub, name) for name in ("delivered_messages", "dropped.slow_qos0"))
        program.kill()
        return f"{result}, {delivered:,} delivered, {dropped:,} dropped"


def receive_everything(port: int, username: str, token: str) -> None:
    """Runs in a process of its own, so that it does not hold up the generator."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(mqtt.connect("watcher", username, token) + mqtt.subscribe("devices/#"))
        while connection.recv(1 << 20):
            pass


def broker_count(hub: HubServer, name: str) -> int:
    for line in httpx.get(f"{hub.url}/metrics", timeout=60).text.splitlines():
        if line.startswith(f'hubbub_broker{{count="{name}"}}'):
            return int(float(line.split()[1]))
    return 0


def external(folder: Path, messages: int, **settings: str) -> str:
    """The hub's process with Mosquitto in place of its own broker."""
    with prepared(folder, **settings) as (hub, credentials):
        pass
    mosquitto = Mosquitto(folder)
    mosquitto.accounts = {each["uid"]: hash_secret(each["secret"]) for each in credentials}
    mosquitto.accounts["bridge"] = hash_secret("secret")
    with ExitStack() as stack:
        mosquitto.start()
        stack.callback(mosquitto.stop)
        hub = RunningHub(folder, **UNLIMITED, MQTT_URL=mosquitto.url("bridge", "secret"), **settings)
        hub.start()
        stack.callback(hub.stop)
        return measure(mosquitto.port, credentials, messages, hub)


def sqlite(folder: Path, messages: int) -> str:
    return external(folder, messages)


def postgresql(folder: Path, messages: int) -> str:
    postgres = Postgres(folder)
    postgres.start()
    try:
        return external(folder, messages, DATABASE_URL=postgres.url)
    finally:
        postgres.remove()


FORMS = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "embedded": embedded,
    "watched": watched,
    "convention": convention,
    "decoder": decoder,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    arguments = parser.parse_args()
    for name in arguments.forms:
        with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
            print(f"{name:12} {FORMS[name](Path(folder), arguments.messages)}", flush=True)


if __name__ == "__main__":
    main()
