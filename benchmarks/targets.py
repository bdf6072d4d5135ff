"""The stacks that are measured: the hub's forms and its peers, started with the devices of a case."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.load.publisher import PublisherLogin
from benchmarks.load.viewers import Plan
from benchmarks.peers.brokers import Nats, WebMosquitto
from devices.runtime.credentials import hash_secret
from tests.support.hub import RunningHub
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.servers import Bridge, HubServer, Mosquitto, Part, Redis, Server

AnyServer = TypeVar("AnyServer", bound=Server)

UNLIMITED = dict.fromkeys(
    ("DEVICE_RATE_LIMIT", "VALUE_RATE_LIMIT", "BYTE_RATE_LIMIT", "CONNECTION_LIMIT", "REQUEST_RATE_LIMIT"), "0"
)


@dataclass
class Target:
    """A started stack. `servers`: name -> process, whose use of the processors is shown."""

    mqtt_port: int
    logins: list[PublisherLogin]
    plan: Plan
    servers: dict[str, list[int]]
    qos: int = 1
    window: int = 1000
    stored: Callable[[], int] | None = None
    """How many readings are in the database."""


def uids(devices: int) -> list[str]:
    return [f"load-{i:04}" for i in range(devices)]


def topic(uid: str) -> str:
    return f"devices/{uid}/telemetry"


def processes(server: Server) -> list[int]:
    """For `Shares`."""
    return [] if server.process is None else [server.process.pid]


@contextmanager
def started(server: AnyServer) -> Iterator[AnyServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _gateway(devices: int, username: str = "", password: str = "") -> list[PublisherLogin]:
    """One connection that publishes for all devices."""
    return [PublisherLogin("gateway", username, password, tuple(topic(uid) for uid in uids(devices)))]


def _all_of(url: str) -> Plan:
    """Viewers of all devices over MQTT."""
    return Plan("mqtt", url, 0, "devices/+/telemetry", topic=topic(uids(1)[0]))


@dataclass(frozen=True)
class Prepared:
    """A database with the devices and a dashboard of them all."""

    secrets: dict[str, str]
    token: str
    stream: str


_DASHBOARD = """
from dashboards.models import Dashboard, Widget
from devices.models import Device, Space
space = Space.objects.get(slug="demo")
board = Dashboard.objects.create(space=space, name="Wall")
Widget.objects.bulk_create([Widget(dashboard=board, device=d, kind="value", metrics=["v"])
    for d in Device.objects.filter(uid__startswith="load-")])
print("dashboard", board.pk)
"""


def prepare(hub: HubServer, devices: int) -> Prepared:
    made = hub.manage("createdevice", *uids(devices), "--space", "demo")
    secrets = {each["uid"]: each["secret"] for each in map(json.loads, made.splitlines())}
    token = hub.manage("createtoken", "alice").strip()
    if devices == 1:
        return Prepared(secrets, token, f"device:{uids(1)[0]}")
    number = hub.manage("shell", "-c", _DASHBOARD).split()[-1]
    return Prepared(secrets, token, f"dashboard:{number}")


def count_readings(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM devices_reading").fetchone()[0])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def embedded(folder: Path, devices: int) -> Iterator[Target]:
    """`runhub` with all in one process; each device has its own connection."""
    hub = RunningHub(folder, **UNLIMITED)
    hub.start()
    try:
        prepared = prepare(hub, devices)
        logins = [PublisherLogin(uid, uid, secret, (topic(uid),)) for uid, secret in prepared.secrets.items()]
        yield Target(
            hub.mqtt_port,
            logins,
            Plan("hub", f"ws://127.0.0.1:{hub.port}/ws/", 0, prepared.stream, bearer(prepared.token)),
            {"hub": processes(hub)},
            window=max(10, 1000 // devices),
            stored=partial(count_readings, folder / "data" / "hubbub.sqlite3"),
        )
    finally:
        hub.stop()


def web(folder: Path, server: str, application: str, settings: dict[str, str]) -> Part:
    port = free_port()
    command = {
        "uvicorn": ["-m", "uvicorn", "--port", str(port), "--lifespan=off", "--no-access-log", application],
        "daphne": ["-m", "daphne", "-p", str(port), application],
    }[server]
    return Part(folder, command, settings, port)


def settings_of(stack: ExitStack, folder: Path, *, postgresql: bool) -> dict[str, str]:
    """Of a hub without limits, on SQLite or on a PostgreSQL that is removed with the stack."""
    settings = dict(UNLIMITED)
    if postgresql:
        postgres = Postgres(folder)
        postgres.start()
        stack.callback(postgres.remove)
        settings["DATABASE_URL"] = postgres.url
    return settings


@contextmanager
def scaled_out(folder: Path, devices: int, *, server: str = "uvicorn", postgresql: bool = False) -> Iterator[Target]:
    """Mosquitto, Redis, a bridge and a web server, each a process; stored in SQLite or PostgreSQL."""
    with ExitStack() as stack:
        settings = settings_of(stack, folder, postgresql=postgresql)
        hub = RunningHub(folder, **settings)
        hub.start()
        prepared = prepare(hub, devices)
        hub.stop()

        redis, mosquitto = Redis(folder), Mosquitto(folder)
        mosquitto.accounts = {"bridge": hash_secret("secret")}
        settings |= {
            "DATA_DIR": hub.settings["DATA_DIR"],
            "REDIS_URL": redis.url,
            "MQTT_URL": mosquitto.url("bridge", "secret"),
        }
        bridge, front = Bridge(folder, settings), web(folder, server, "hub.asgi:application", settings)
        parts: dict[str, Server] = {"redis": redis, "mosquitto": mosquitto, "bridge": bridge, "web": front}
        for part in parts.values():
            part.start()
            stack.callback(part.stop)
        yield Target(
            mosquitto.port,
            _gateway(devices, "bridge", "secret"),
            Plan("hub", f"ws://127.0.0.1:{front.port}/ws/", 0, prepared.stream, bearer(prepared.token)),
            {name: processes(part) for name, part in parts.items()},
            stored=None if postgresql else partial(count_readings, folder / "data" / "hubbub.sqlite3"),
        )


@contextmanager
def mosquitto_only(folder: Path, devices: int) -> Iterator[Target]:
    with started(WebMosquitto(folder)) as server:
        yield Target(server.port, _gateway(devices), _all_of(server.url), {"mosquitto": processes(server)})


@contextmanager
def nats(folder: Path, devices: int, *, qos: int = 0) -> Iterator[Target]:
    """With QoS 0: each message of QoS 1 goes through JetStream's file, which costs it most of its rate."""
    with started(Nats(folder)) as server:
        yield Target(server.port, _gateway(devices), _all_of(server.url), {"nats": processes(server)}, qos=qos)


@contextmanager
def tutorial(folder: Path, devices: int) -> Iterator[Target]:
    """Mosquitto, Redis, a subscriber that sends each message to the group, and Daphne."""
    with ExitStack() as stack:
        redis, mosquitto = (
            stack.enter_context(started(Redis(folder))),
            stack.enter_context(started(WebMosquitto(folder))),
        )
        settings = {"REDIS_URL": redis.url, "MQTT_PORT": str(mosquitto.port)}
        front = stack.enter_context(
            started(web(folder, "daphne", "benchmarks.peers.tutorial.asgi:application", settings))
        )
        subscriber = Part(folder, ["-m", "benchmarks.peers.tutorial.subscriber"], settings)
        subscriber.READY = "subscribed"
        stack.enter_context(started(subscriber))
        servers = {"redis": redis, "mosquitto": mosquitto, "subscriber": subscriber, "web": front}
        yield Target(
            mosquitto.port,
            _gateway(devices),
            Plan("tutorial", f"ws://127.0.0.1:{front.port}/telemetry/", 0, ""),
            {name: processes(server) for name, server in servers.items()},
        )


TARGETS: dict[str, Callable[[Path, int], AbstractContextManager[Target]]] = {
    "embedded": embedded,
    "uvicorn": scaled_out,
    "daphne": partial(scaled_out, server="daphne"),
    "postgresql": partial(scaled_out, postgresql=True),
    "tutorial": tutorial,
    "mosquitto": mosquitto_only,
    "nats": nats,
}
