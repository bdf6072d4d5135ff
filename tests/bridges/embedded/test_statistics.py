"""The statistics of the embedded broker, which hub administrators read on `$SYS`."""

from __future__ import annotations

import tomllib

import pytest
from django.contrib.auth.models import User

from bridges.embedded.statistics import VERSION, Statistics
from bridges.mqtt.packets import ReasonCode
from tests.bridges.embedded.clients import Hub
from tests.support.eventually import eventually_async
from tests.support.servers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_hub_administrator_reads_them_under_mosquitto_s_names(hub: Hub, alice: User) -> None:
    await User.objects.filter(pk=alice.pk).aupdate(is_superuser=True)
    statistics = Statistics(hub.broker)
    statistics.publish()
    program, other, member = await hub.connect("alice"), await hub.connect("alice"), await hub.connect("bob")
    for client in (other, member):
        await client.subscribe("#")
    assert await member.subscribe("$SYS/#") == (ReasonCode.UNSPECIFIED_ERROR,)
    assert await program.subscribe("$SYS/broker/+", "$SYS/broker/clients/#") == (ReasonCode.GRANTED_QOS_1,) * 2
    first = {message.topic: message.payload for message in await program.messages()}
    assert first["$SYS/broker/version"] == f"hubbub version {VERSION}".encode()
    assert first["$SYS/broker/uptime"] == b"0 seconds"
    assert first["$SYS/broker/clients/connected"] == b"0"
    statistics.publish()
    changed = {message.topic: message.payload for message in await program.messages()}
    assert changed["$SYS/broker/clients/connected"] == b"3"
    assert changed["$SYS/broker/clients/total"] == b"3"
    assert "$SYS/broker/version" not in changed
    assert await other.received() == await member.received() == []  # a wildcard at the first level does not match


async def test_somebody_who_is_no_longer_an_administrator_receives_no_more(hub: Hub, alice: User) -> None:
    alice.is_superuser = True
    await alice.asave()
    statistics = Statistics(hub.broker)
    program = await hub.connect("alice")
    await program.subscribe("$SYS/#")
    statistics.publish()
    assert len(await program.received()) > 10
    [principal] = hub.broker.principals()
    alice.is_superuser = False
    await alice.asave()
    await eventually_async(lambda: principal not in hub.broker.principals(), 1.0)
    await hub.connect("pump")
    statistics.publish()
    assert await program.received() == []


async def test_nobody_publishes_there(hub: Hub, alice: User) -> None:
    await User.objects.filter(pk=alice.pk).aupdate(is_superuser=True)
    program = await hub.connect("alice")
    await program.subscribe("$SYS/#")
    await program.publish("$SYS/broker/version", b"forged")
    assert await program.received() == []
    assert hub.broker.stats["refused_publishes"] == 1


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
