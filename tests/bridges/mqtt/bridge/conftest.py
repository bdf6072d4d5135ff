"""A bridge between a broker, Mosquitto or the embedded one, and the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiomqtt
import pytest
from asgiref.sync import sync_to_async

from bridges.broker import Broker
from bridges.embedded.accounts import AccountAuthenticator, RevocationListener
from bridges.embedded.bridge import EmbeddedBridge
from bridges.embedded.program_rights import ProgramRights
from bridges.mqtt.address import BrokerAddress
from bridges.mqtt.bridge import run_bridge
from devices.channel import groups
from devices.channel.events import Event, TelemetryStored
from devices.channel.listener import Listener
from devices.models import Device, Space, StoredRefusal
from devices.rooms import provisioning
from devices.runtime.credentials import hash_secret
from hub.sockets import bind
from tests.support.servers import Mosquitto


class Bridged:
    """A running bridge, a device's own MQTT client, and the events that come out."""

    def __init__(self, device: Device, secrets: dict[str, str], port: int) -> None:
        self.device, self.secrets, self.port = device, secrets, port
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.listener = Listener(self._events.put_nowait, lambda names, reason: None)

    async def event(self, kind: type[Event], **fields: object) -> Event:
        """The next event of this kind whose fields have these values."""
        async with asyncio.timeout(20):
            while True:
                event = await self._events.get()
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return event

    async def telemetry(self) -> dict[str, list[list[object]]]:
        """The next stored telemetry of the device."""
        event = await self.event(TelemetryStored)
        assert isinstance(event, TelemetryStored)
        return json.loads(event.parts[0].json)

    def client(self, username: str = "valve-1", **options: object) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.port, username=username, password=self.secrets[username], **options)


@asynccontextmanager
async def bridging(
    device: Device, secrets: dict[str, str], port: int, run: Callable[..., Coroutine[None, None, None]]
) -> AsyncIterator[Bridged]:
    """`run` takes the events of `run_bridge`, stop and ready."""
    stop, ready = asyncio.Event(), asyncio.Event()
    bridge = asyncio.create_task(run(stop, ready))
    found = Bridged(device, secrets, port)
    await found.listener.start()
    await found.listener.join(groups.telemetry(groups.shard_of(device.id)))
    async with asyncio.timeout(20):
        await ready.wait()
    yield found
    stop.set()
    await asyncio.wait_for(bridge, 20)
    await found.listener.stop()


@pytest.fixture
async def secrets(space: Space) -> dict[str, str]:
    """uid -> secret of two devices of the hub."""
    made = [await sync_to_async(provisioning.create_device)(uid, space) for uid in ("valve-1", "valve-2")]
    return {device.uid: secret for device, secret in made}


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, {"bridge": hash_secret("bridge-secret")})
    yield broker
    broker.stop()


@pytest.fixture
async def by_mosquitto(secrets: dict[str, str], mosquitto: Mosquitto) -> AsyncIterator[Bridged]:
    """Mosquitto also lets `stranger` in, whom the hub does not know."""
    secrets["stranger"] = "stranger's secret"
    mosquitto.accounts |= {uid: hash_secret(secret) for uid, secret in secrets.items()}
    mosquitto.gateways = ["valve-1"]
    await asyncio.to_thread(mosquitto.start)
    device = await Device.objects.aget(uid="valve-1")
    address = BrokerAddress("127.0.0.1", mosquitto.port, "bridge", "bridge-secret")
    async with bridging(
        device, secrets, mosquitto.port, partial(run_bridge, "main", address, ["test-bridge"])
    ) as found:
        yield found


@pytest.fixture
async def by_embedded_broker(secrets: dict[str, str]) -> AsyncIterator[Bridged]:
    sock = bind("127.0.0.1", 0, "MQTT_PORT")
    bridge = EmbeddedBridge("main")
    broker = Broker(AccountAuthenticator(ProgramRights()), sock=sock, sink=bridge)
    await broker.start()
    revocations = RevocationListener(broker)
    await revocations.start()
    device = await Device.objects.aget(uid="valve-1")
    async with bridging(device, secrets, sock.getsockname()[1], partial(bridge.run, broker)) as found:
        yield found
    await revocations.stop()
    await broker.stop()


@pytest.fixture(params=["by_mosquitto", "by_embedded_broker"])
def bridged(request: pytest.FixtureRequest) -> Bridged:
    found: Bridged = request.getfixturevalue(request.param)
    return found


def total(counter) -> float:
    return sum(
        sample.value for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")
    )


async def kept(device: Device, count: int) -> list[StoredRefusal]:
    """The device's refused messages, once that many are counted in them."""
    async with asyncio.timeout(20):
        while True:
            rows = [row async for row in device.refusals.order_by("id")]
            if sum(row.count for row in rows) >= count:
                return rows
            await asyncio.sleep(0.05)
