"""Programs at the embedded broker whose people's rights change while they are signed in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError

from bridges.embedded import program_rights, programs
from bridges.mqtt.packets import Will
from devices.models import ApiToken, Command, Device, Space
from devices.registry import devices
from devices.rooms import provisioning
from devices.spaces import tokens
from devices.values import Role
from tests.bridges.embedded.clients import Client, Hub
from tests.support.eventually import eventually_async

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

WITHIN_S = 1.0


class Watching:
    """A program of `carol` with a wide subscription, and the devices that it may or may not watch."""

    def __init__(self, hub: Hub, program: Client, pump: Client, far: Client) -> None:
        self.hub, self.program, self.devices = hub, program, {"pump": pump, "far": far}

    async def sees(self, uid: str) -> bool:
        await self.devices[uid].publish(f"devices/{uid}/attributes")
        return f"devices/{uid}/attributes" in await self.program.received()

    async def comes_to_see(self, *uids: str) -> None:
        """Within a second, of `pump` and `far` it receives these."""

        async def sees_these() -> bool:
            return [uid for uid in self.devices if await self.sees(uid)] == list(uids)

        await eventually_async(sees_these, within_s=WITHIN_S)


@pytest.fixture
async def watching(hub: Hub) -> Watching:
    program = await hub.connect("carol")
    await program.subscribe("devices/+/attributes")
    found = Watching(hub, program, await hub.connect("pump"), await hub.connect("far"))
    await found.comes_to_see("pump")
    return found


async def do(change: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return await sync_to_async(change)(*args, **options)


async def test_a_membership_begins_and_ends(watching: Watching, space: Space, carol: User) -> None:
    cellar = await Space.objects.aget(slug="cellar")
    await do(provisioning.set_role, cellar, carol, Role.VIEWER)
    await watching.comes_to_see("pump", "far")
    await do(carol.memberships.all().delete)
    await watching.comes_to_see()


async def test_a_device_is_moved(watching: Watching, space: Space) -> None:
    cellar = await Space.objects.aget(slug="cellar")
    await do(devices.move, await Device.objects.aget(uid="pump"), cellar)
    await watching.comes_to_see()
    await do(devices.move, await Device.objects.aget(uid="far"), space)
    await watching.comes_to_see("far")


async def test_a_device_is_created_and_deleted(watching: Watching, space: Space) -> None:
    device, secret = await do(provisioning.create_device, "new", space)
    new = watching.devices["new"] = await watching.hub.connect("new", secret)
    await watching.comes_to_see("pump", "new")
    await do(devices.delete, device)
    await new.closed()
    del watching.devices["new"]
    await watching.comes_to_see("pump")


async def test_a_deactivated_person_is_disconnected_and_their_sessions_end(watching: Watching, carol: User) -> None:
    hub = watching.hub
    persistent = await hub.connect("carol", client_id="persistent", clean_start=False)
    await persistent.disconnect()
    carol.is_active = False
    await do(carol.save)
    async with asyncio.timeout(WITHIN_S):
        await watching.program.closed()
    assert {principal.name for principal in hub.broker.principals()} == {"pump", "far"}


async def test_a_revoked_token_ends_its_connections_only(watching: Watching, carol: User) -> None:
    hub, second = watching.hub, await do(tokens.create, carol)
    persistent = await hub.connect("carol", second, client_id="second", clean_start=False)
    await do((await ApiToken.objects.filter(user=carol).alatest("pk")).delete)
    async with asyncio.timeout(WITHIN_S):
        await persistent.closed()
    await watching.comes_to_see("pump")
    back = await hub.connect("carol", client_id="second", clean_start=False)
    await do(ApiToken.objects.all().delete)
    async with asyncio.timeout(WITHIN_S):
        await watching.program.closed()
        await back.closed()
    assert {principal.name for principal in hub.broker.principals()} == {"pump", "far"}


async def test_the_will_of_a_revoked_program_is_not_published(watching: Watching, bob: User) -> None:
    program = await watching.hub.connect("bob", will=Will("devices/pump/set", b'{"speed": 0}'))
    other = await watching.hub.connect("bob", await do(tokens.create, bob))
    await do((await ApiToken.objects.filter(user=bob).aearliest("pk")).delete)
    async with asyncio.timeout(WITHIN_S):
        await program.closed()
    await other.publish("devices/pump/set", b'{"speed": 1}')
    assert [command.args async for command in Command.objects.all()] == [{"speed": 1}]


async def test_what_is_queued_is_not_delivered_once_the_right_is_gone(watching: Watching, carol: User) -> None:
    hub = watching.hub
    offline = await hub.connect("carol", client_id="offline", clean_start=False)
    await offline.subscribe("devices/#")
    await offline.disconnect()
    await watching.devices["pump"].publish("devices/pump/attributes")
    await do(carol.memberships.all().delete)
    await watching.comes_to_see()
    back = await hub.connect("carol", client_id="offline", clean_start=False)
    assert await back.received() == []
    assert hub.broker.stats["dropped.forbidden"] >= 1


async def test_a_login_during_a_change_gets_the_new_rights(
    hub: Hub, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rights are looked up before the change, and the login completes after it."""
    look_up, changed = programs.authenticate, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(username: str, token: str) -> Any:
        found = look_up(username, token)
        carol.is_active = False
        carol.save()
        asyncio.run_coroutine_threadsafe(changed.wait(), loop).result(10)
        return found

    check = program_rights._check

    async def checked(broker: Any) -> None:
        await check(broker)
        changed.set()

    monkeypatch.setattr(programs, "authenticate", slow)
    monkeypatch.setattr(program_rights, "_check", checked)
    program = await hub.connect("carol")
    async with asyncio.timeout(WITHIN_S):
        await program.closed()


@pytest.mark.parametrize("change", ["deactivated", "token deleted"])
async def test_a_statement_in_the_database_ends_a_login_too(watching: Watching, carol: User, change: str) -> None:
    """It sends no event."""
    if change == "deactivated":
        await User.objects.filter(pk=carol.pk).aupdate(is_active=False)
    else:
        await do(ApiToken.objects.filter(user=carol)._raw_delete, "default")
    async with asyncio.timeout(2 * WITHIN_S):
        await watching.program.closed()


async def test_all_rights_are_checked_regularly(
    watching: Watching, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_rights, "REGULAR_CHECK_S", 0.1)
    await do(carol.memberships.all()._raw_delete, "default")
    deadline = time.monotonic() + 10
    while await watching.sees("pump"):
        assert time.monotonic() < deadline


async def test_a_session_without_a_valid_token_is_not_checked_again_and_again(
    watching: Watching, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = await watching.hub.connect("carol", await do(tokens.create, carol), client_id="x", clean_start=False)
    await offline.disconnect()
    await do((await ApiToken.objects.filter(user=carol).alatest("pk")).delete)
    await eventually_async(lambda: {each.token_id for each in principals(watching)} >= {programs.NO_TOKEN})
    assert not await do(programs.any_ended, principals(watching))
    await watching.comes_to_see("pump")


def principals(watching: Watching) -> list[programs.ProgramPrincipal]:
    return [each for each in watching.hub.broker.principals() if isinstance(each, programs.ProgramPrincipal)]


async def test_a_check_that_fails_is_repeated(
    watching: Watching, carol: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(program_rights, "RETRY_S", 0.05)
    check, failures = programs.check, [OperationalError("away"), ValueError("broken")]

    def failing(principals: Any) -> Any:
        if failures:
            raise failures.pop()
        return check(principals)

    monkeypatch.setattr(programs, "check", failing)
    await do(carol.memberships.all().delete)
    await watching.comes_to_see()
    assert not failures
    assert caplog.text.count("the rights of programs cannot be checked") == 1
