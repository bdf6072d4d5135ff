"""A gateway at the embedded broker, from its login to its children."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest
from asgiref.sync import sync_to_async

from bridges.embedded.accounts import GatewayPrincipal
from devices.commands import lifecycle
from devices.models import Command, Device, Space, StoredRefusal
from devices.rooms import provisioning
from tests.bridges.embedded.test_bridge import Embedded, started

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def embedded(space: Space, tmp_path: Path) -> AsyncIterator[Embedded]:
    _, secret = await sync_to_async(provisioning.create_device)("roof", space, is_gateway=True)
    found = await started(secret, tmp_path)
    yield found
    await found.end()


def roof(embedded: Embedded, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1", embedded.port, username="roof", password=embedded.secret, identifier="roof", will=will
    )


async def test_a_child_is_created_commanded_and_lost_with_its_gateway(
    embedded: Embedded, alice: object, space: Space
) -> None:
    will = aiomqtt.Will("devices/roof/status", b"offline", 1, True)
    with suppress(aiomqtt.MqttError):
        await _use(embedded, will, alice, space)
    await _until_state("soil-3", "offline", "roof")
    async with roof(embedded) as gateway:
        await gateway.publish("devices/roof/status", b"online", 1, retain=True)
        await _until_state("soil-3", "online", "")


async def _use(embedded: Embedded, will: aiomqtt.Will, alice: object, space: Space) -> None:
    async with roof(embedded, will) as gateway:
        await gateway.subscribe("gateways/roof/+/commands/+", 1)
        await gateway.publish("devices/roof/status", b"online", 1, retain=True)
        await gateway.publish("gateways/roof/soil-3/telemetry", b'{"moisture": 41.5}', 1)
        child = await Device.objects.select_related("gateway").aget(uid="soil-3")
        assert child.gateway is not None
        assert (child.gateway.uid, child.space_id, child.availability) == ("roof", space.pk, "online")
        command = await lifecycle.issue(alice, "soil-3", "set", {"on": True})  # type: ignore[arg-type]
        message = await asyncio.wait_for(anext(aiter(gateway.messages)), 20)
        assert str(message.topic) == f"gateways/roof/soil-3/commands/{command.id}"
        await gateway.publish(f"gateways/roof/soil-3/answers/{command.id}", b'{"ok": true}', 1)
        assert (await Command.objects.aget(pk=command.pk)).status == "succeeded"
        gateway._client.socket().shutdown(2)  # without DISCONNECT: its will is due


async def test_a_device_of_somebody_else_is_not_a_child(embedded: Embedded) -> None:
    other = await Space.objects.acreate(slug="other", name="Other")
    await sync_to_async(provisioning.create_device)("valve-1", other)
    async with roof(embedded) as gateway:
        await gateway.publish("gateways/roof/valve-1/telemetry", b'{"a": 1}', 1)
    assert (await Device.objects.aget(uid="valve-1")).heard_at == 0

    async def refusals() -> list[tuple[str, str]]:
        return [row async for row in StoredRefusal.objects.values_list("device__uid", "reason")]

    found: list[tuple[str, str]] = []
    async with asyncio.timeout(20):
        while not found:
            found = await refusals()
    assert found == [("roof", "not_a_child")]


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("gateways/roof/soil-3/telemetry", True),
        ("gateways/roof/soil-3/status", True),
        ("gateways/roof/soil-3/attributes", True),
        ("gateways/roof/soil-3/answers/c1", True),
        ("devices/roof/status", True),
        ("gateways/roof/soil-3/commands/c1", False),
        ("gateways/cellar/soil-3/telemetry", False),
        ("gateways/roof/telemetry", False),
        ("devices/soil-3/telemetry", False),
        ("elsewhere", False),
    ],
)
def test_what_a_gateway_may_publish(topic: str, allowed: bool) -> None:
    assert GatewayPrincipal("roof").may_publish(topic) is allowed


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [
        ("gateways/roof/+/commands/+", True),
        ("gateways/roof/soil-3/commands/+", True),
        ("devices/roof/commands/+", True),
        ("gateways/roof/#", False),
        ("gateways/+/+/commands/+", False),
        ("gateways/cellar/+/commands/+", False),
        ("gateways/roof/+/telemetry", False),
        ("devices/+/commands/+", False),
        ("#", False),
    ],
)
def test_what_a_gateway_may_subscribe_to(topic_filter: str, allowed: bool) -> None:
    assert GatewayPrincipal("roof").may_subscribe(topic_filter) is allowed


async def _until_state(uid: str, availability: str, via: str) -> None:
    async with asyncio.timeout(20):
        while True:
            device = await Device.objects.aget(uid=uid)
            if (device.availability, device.via) == (availability, via):
                return
            await asyncio.sleep(0.01)
