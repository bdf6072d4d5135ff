"""A lost permission ends the delivery: at once where the hub withdrew it, else at the next regular check."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client

from dashboards import widgets
from dashboards.live.relay import Relay
from dashboards.models import Dashboard, Widget
from devices.channel import fanout
from devices.channel.events import AvailabilityChanged
from devices.models import Device, Space
from devices.registry import devices
from devices.rooms import provisioning
from devices.spaces import members, tokens
from devices.values import Role
from tests.dashboards.live.conftest import HandClock, Headers, Viewer, bearer, cookie, enter
from tests.dashboards.live.consumers.test_event_stream import Reading, reading
from tests.dashboards.live.test_servers import WAIT_S, events, read, redis, running_redis, viewer
from tests.support.servers import Redis
from tests.support.web_server import WebServer

__all__ = ["redis", "running_redis"]  # the fixtures

pytestmark = [pytest.mark.django_db(transaction=True)]

AT_ONCE_S = 1.0
NOTICES = ("unsubscribed", "resync", "error")
"""Types of the frames that report that something may not be watched any more, or not all of it."""


_NOTICE = re.compile(rb'"type":"(unsubscribed|resync|error)"')


@dataclass
class World:
    """Carol watches the pump, as herself in a browser or through a program; the device could move to the barn."""

    carol: User
    browser: Client
    token: str
    pump: Device
    garden: Space
    barn: Space
    dashboard: Dashboard

    def headers(self, how: str) -> Headers:
        return bearer(self.token) if how == "token" else cookie(self.browser.cookies["hubbub_session"].value)


@pytest.fixture
def world(transactional_db: None, alice: User, carol: User, pump: Device, space: Space, dashboard: Dashboard) -> World:
    browser = Client()
    browser.force_login(carol, "django.contrib.auth.backends.ModelBackend")
    barn = provisioning.create_space("barn", "Barn", alice)
    return World(carol, browser, tokens.create(carol), pump, space, barn, dashboard)


def remove_member(world: World) -> None:
    members.remove(world.garden, world.carol)


def move_device(world: World) -> None:
    provisioning.move_device(world.pump, world.barn)


def delete_device(world: World) -> None:
    devices.delete(Device.objects.get(pk=world.pump.pk))


def change_widgets(world: World) -> None:
    fan = Device.objects.get(uid="fan-1")
    widgets.replace_widgets(world.dashboard, [Widget(dashboard=world.dashboard, device=fan, kind="value")])


def rearrange_widgets(world: World) -> None:
    """The devices stay the same."""
    shown = Device.objects.filter(pk__in=world.dashboard.widgets.values("device"))
    widgets.replace_widgets(
        world.dashboard, [Widget(dashboard=world.dashboard, device=device, kind="gauge") for device in list(shown)]
    )


def delete_dashboard(world: World) -> None:
    widgets.delete(Dashboard.objects.get(pk=world.dashboard.pk))


def sign_out(world: World) -> None:
    world.browser.post("/logout/", headers={"host": "localhost"})


def delete_token(world: World) -> None:
    world.carol.api_tokens.all().delete()  # type: ignore[attr-defined]


def deactivate(world: World) -> None:
    world.carol.is_active = False
    world.carol.save()


def change_password(world: World) -> None:
    world.carol.set_password("another")
    world.carol.save()


Change = Callable[[World], None]
CHANGES: list[tuple[Change, str, str]] = [
    # what is done, how the viewer signed in, the kind of stream
    (remove_member, "token", "device"),
    (remove_member, "cookie", "dashboard"),
    (move_device, "token", "device"),
    (move_device, "cookie", "dashboard"),
    (delete_device, "token", "device"),
    (delete_device, "cookie", "dashboard"),
    (change_widgets, "cookie", "dashboard"),
    (delete_dashboard, "cookie", "dashboard"),
    (sign_out, "cookie", "device"),
    (delete_token, "token", "device"),
    (deactivate, "cookie", "device"),
    (deactivate, "token", "device"),
    (change_password, "cookie", "device"),
]


class Source(Protocol):
    async def frame(self) -> dict[str, Any]: ...


@asynccontextmanager
async def watching(world: World, how: str, kind: str, over: str) -> AsyncIterator[Source]:
    """Carol's connection, past the snapshot of the stream."""
    key = world.pump.uid if kind == "device" else str(world.dashboard.pk)
    if over == "websocket":
        viewer: Viewer = await enter(world.headers(how))
        await viewer.subscribe(f"{kind}:{key}")
        yield viewer
        await viewer.leave()
    else:
        async with reading(f"{kind}={key}", world.headers(how)) as stream:
            assert (await stream.frame())["type"] == "snapshot"
            yield stream


async def noticed(source: Source) -> str:
    """Returns the type of the notice."""
    while (frame := await source.frame())["type"] not in NOTICES:
        pass
    return str(frame["type"])


def shown(relay: Relay, device_id: int) -> bool:
    """Whether readings of the device would be sent to any connection."""
    return any(connection.closed is None for connection in relay._audiences.connections_of(device_id))


async def is_silent(source: Source) -> bool:
    inner: Any = source._http if isinstance(source, Reading) else source._socket  # type: ignore[attr-defined]
    silent: bool = await inner.receive_nothing(timeout=0.05)
    return silent


async def test_other_widgets_of_the_same_devices_are_reported_with_another_revision(world: World, relay: Relay) -> None:
    stream = f"dashboard:{world.dashboard.pk}"
    viewer = await enter(world.headers("token"))
    before = await viewer.subscribe(stream)
    assert (await viewer.subscribe(stream))["revision"] == before["revision"]
    await sync_to_async(rearrange_widgets)(world)
    frame = await viewer.frame()
    assert (frame["type"], frame["streams"], frame["reason"]) == ("resync", [stream], "changed")
    after = await viewer.subscribe(stream)
    assert after["devices"].keys() == before["devices"].keys()
    assert after["revision"] != before["revision"]
    await viewer.leave()


@pytest.mark.parametrize("over", ["websocket", "events"])
@pytest.mark.parametrize(("change", "how", "kind"), CHANGES)
async def test_a_change_made_by_the_hub_is_reported_at_once(
    world: World, relay: Relay, change: Change, how: str, kind: str, over: str
) -> None:
    """By the event: there is no regular check in this test."""
    number = world.pump.pk
    async with watching(world, how, kind, over) as source:
        await fanout.publish([AvailabilityChanged(number, "pump-1", "online", 1)])
        assert (await source.frame())["type"] == "availability"
        await sync_to_async(change)(world)
        notice = await noticed(source)
        assert not shown(relay, number)
        await fanout.publish([AvailabilityChanged(number, "pump-1", "offline", 2)])
        assert notice == "error" or await is_silent(source)  # after an error comes only the end


async def test_a_lower_role_goes_on_watching_but_cannot_command_any_more(world: World, relay: Relay) -> None:
    await sync_to_async(provisioning.set_role)(world.garden, world.carol, Role.OPERATOR)
    async with watching(world, "token", "device", "websocket") as source:
        assert isinstance(source, Viewer)
        assert (await source.request("command", device="pump-1", name="stop"))["ok"]
        await sync_to_async(provisioning.set_role)(world.garden, world.carol, Role.VIEWER)
        refused = await source.request("command", device="pump-1", name="stop")
        assert refused["error"]["code"] == "forbidden"
        await fanout.publish([AvailabilityChanged(world.pump.pk, "pump-1", "online", 1)])
        assert (await source.push("availability"))["device"] == "pump-1"


async def test_a_member_of_both_spaces_goes_on_watching_a_device_that_moves(world: World, relay: Relay) -> None:
    await sync_to_async(provisioning.set_role)(world.barn, world.carol, Role.VIEWER)
    async with watching(world, "token", "device", "websocket") as source:
        await sync_to_async(move_device)(world)
        await fanout.publish([AvailabilityChanged(world.pump.pk, "pump-1", "online", 1)])
        assert (await source.frame())["type"] == "availability"


STATEMENTS = {
    "a membership": ("DELETE FROM devices_member WHERE user_id = %s", "carol"),
    "a role in no space": (
        "UPDATE devices_member SET space_id = (SELECT id FROM devices_space WHERE slug = 'barn') WHERE user_id = %s",
        "carol",
    ),
    "a device's space": (
        "UPDATE devices_device SET space_id = (SELECT id FROM devices_space WHERE slug = 'barn') WHERE id = %s",
        "pump",
    ),
    "a token": ("DELETE FROM devices_apitoken WHERE user_id = %s", "carol"),
    "an account": ("UPDATE auth_user SET is_active = false WHERE id = %s", "carol"),
}


@pytest.mark.parametrize("over", ["websocket", "events"])
@pytest.mark.parametrize("what", STATEMENTS)
async def test_a_change_made_only_in_the_database_is_found_within_thirty_seconds(
    world: World, relay: Relay, clock: HandClock, what: str, over: str
) -> None:
    statement, whose = STATEMENTS[what]

    def execute() -> None:
        with database.cursor() as cursor:
            cursor.execute(statement, [getattr(world, whose).pk])

    async with watching(world, "token", "device", over) as source:
        await relay.monitor.run_once()
        await sync_to_async(execute)()
        clock.forward(25)
        for connection in relay.connections:
            connection.note_sign_of_life()
        await relay.monitor.run_once()
        await noticed(source)
        assert not shown(relay, world.pump.pk)


class UncheckedServer(WebServer):
    """A web process without the regular check: only an event makes it ask the database."""

    def command(self) -> list[str]:
        return [*super().command(), "--no-checks"]


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_another_process_delivers_nothing_more_after_a_second(
    world: World, tmp_path: Path, redis: Redis, kind: str
) -> None:
    """Each change in turn is made in this process and seen by viewers of another."""
    if database.vendor != "sqlite":
        pytest.skip("the server is given the path of the tests' database file")
    server = UncheckedServer(kind, tmp_path, REDIS_URL=redis.url)
    await asyncio.to_thread(server.start)
    try:
        for change in (change_widgets, rearrange_widgets, move_device, remove_member, delete_token, deactivate):
            await _changes(server, world, change)
            await sync_to_async(_undo)(world)
    finally:
        await asyncio.to_thread(server.stop)


def _undo(world: World) -> None:
    """Everything is as before."""
    world.carol.is_active = True
    world.carol.save()
    provisioning.set_role(world.garden, world.carol, Role.VIEWER)
    provisioning.move_device(world.pump, world.garden)
    widgets.replace_widgets(world.dashboard, [Widget(dashboard=world.dashboard, device=world.pump, kind="value")])
    world.token = tokens.create(world.carol)


async def _changes(server: WebServer, world: World, change: Change) -> None:
    stream = f"dashboard:{world.dashboard.pk}"
    async with (
        viewer(server, world.token, stream) as client,
        events(server, world.token, f"dashboard={world.dashboard.pk}") as (reader, _),
    ):
        await sync_to_async(change)(world)
        began = time.monotonic()
        async with asyncio.timeout(WAIT_S):
            while (await read(client))["type"] not in NOTICES:
                pass
            while not _NOTICE.search(await reader.readuntil(b"\n\n")):
                pass
        took_s = time.monotonic() - began
        print(f"{change.__name__}: reported through {server.kind} after {took_s:.2f} s")
        assert took_s < AT_ONCE_S
