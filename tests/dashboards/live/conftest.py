"""Viewers of the live connection, in this process and against real servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dashboards.live import handlers
from dashboards.live.connection_monitor import MonitorIntervals
from dashboards.live.relay import Relay
from dashboards.models import Dashboard, Widget
from devices.channel import groups
from devices.models import Device, Member, Space
from devices.rooms import provisioning
from devices.runtime.request_rates import rates
from devices.spaces import tokens
from devices.values import Role
from hub.asgi import application
from hub.routing import relays

WAIT_S = 20
NEVER_S = 86_400.0

Headers = list[tuple[bytes, bytes]]


class HandClock:
    """Time that passes only when the test moves it forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


class Closed(Exception):
    """The hub closed the socket."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Viewer:
    """One live connection to the application in this process."""

    def __init__(self, headers: Headers) -> None:
        self._socket = WebsocketCommunicator(application, "/ws/", headers=headers)
        self._id = 0

    async def open(self) -> bool:
        """Whether the connection was accepted."""
        accepted, _ = await self._socket.connect(timeout=WAIT_S)
        return accepted

    async def text(self) -> str:
        """Returns the next frame as it was sent. Raises `Closed`."""
        message = await self._socket.receive_output(WAIT_S)
        if message["type"] == "websocket.close":
            raise Closed(message["code"])
        return str(message["text"])

    async def frame(self) -> dict[str, Any]:
        """Returns the next frame. Raises `Closed`."""
        found: dict[str, Any] = json.loads(await self.text())
        return found

    async def push(self, type: str) -> dict[str, Any]:
        """Returns the next push of this type; skips others."""
        while True:
            frame = await self.frame()
            if frame.get("type") == type:
                return frame

    async def closed(self) -> int:
        """Returns the code with which the hub closes."""
        try:
            while True:
                await self.frame()
        except Closed as closed:
            return closed.code

    async def send(self, frame: dict[str, Any] | str) -> None:
        await self._socket.send_to(frame if isinstance(frame, str) else json.dumps(frame))

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_to(bytes_data=data)

    async def request(self, type: str, **fields: Any) -> dict[str, Any]:
        """Returns the reply; skips pushes before it."""
        self._id += 1
        await self.send({"id": self._id, "type": type, **fields})
        while True:
            frame = await self.frame()
            if frame.get("reply") == self._id:
                return frame

    async def subscribe(self, stream: str) -> dict[str, Any]:
        reply = await self.request("subscribe", stream=stream)
        assert reply["ok"], reply
        result: dict[str, Any] = reply["result"]
        return result

    async def is_quiet(self) -> bool:
        """Whether no frame waits once everything that was sent so far is handled."""
        self._id += 1
        await self.send({"id": self._id, "type": "unsubscribe", "stream": "device:none"})
        return (await self.frame()).get("reply") == self._id

    async def leave(self) -> None:
        await self._socket.disconnect(timeout=WAIT_S)


def lose_twice(relay: Relay, room: int, meanwhile: Callable[[], Awaitable[Any]], patch: pytest.MonkeyPatch) -> None:
    """Two losses of a room's events in a row; `meanwhile` runs right after the log was read for the first one."""
    subscribe = handlers.subscribe

    async def subscribe_once(*arguments: Any) -> dict[str, Any]:
        patch.setattr(handlers, "subscribe", subscribe)
        snapshot = await subscribe(*arguments)
        await meanwhile()
        return snapshot

    patch.setattr(handlers, "subscribe", subscribe_once)
    for reason in ("gap", "layer"):
        relay._on_loss({groups.rooms(groups.shard_of(room))}, reason)


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


def cookie(key: str, origin: str | None = None) -> Headers:
    own = origin or settings.ALLOWED_ORIGINS[0]
    return [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode()), (b"origin", own.encode())]


def sign_in(user: User) -> str:
    """Returns the key of a new login session."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


async def enter(headers: Headers) -> Viewer:
    """Returns a viewer that was welcomed, and would be closed at the end of its login."""
    viewer = Viewer(headers)
    assert await viewer.open()
    assert (await viewer.frame())["type"] == "welcome"
    assert await viewer.is_quiet()
    return viewer


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def relay(clock: HandClock) -> AsyncIterator[Relay]:
    """The relay of the test, on the hand clock; it sweeps only when the test calls it."""
    relay = Relay(MonitorIntervals(sweep_s=NEVER_S), clock)
    relays.use(relay)
    yield relay
    await relay.close_all()
    await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def fresh_rates() -> None:
    """People of other tests may have had the same ids."""
    rates._buckets.clear()


@pytest.fixture
def headers(transactional_db: None, alice: User, bob: User, carol: User, mallory: User) -> dict[str, Headers]:
    """Username -> headers of a program that acts for the person."""
    return {user.username: bearer(tokens.create(user)) for user in (alice, bob, carol, mallory)}


@pytest.fixture
def dashboard(space: Space, pump: Device) -> Dashboard:
    """The pump twice and a fan once."""
    fan, _ = provisioning.create_device("fan-1", space)
    dashboard = Dashboard.objects.create(space=space, name="Greenhouse")
    for device in (pump, pump, fan):
        Widget.objects.create(dashboard=dashboard, device=device, kind="value")
    return dashboard


@pytest.fixture
def foreign_dashboard(foreign_pump: Device) -> Dashboard:
    dashboard = Dashboard.objects.create(space=foreign_pump.space, name="Theirs")
    Widget.objects.create(dashboard=dashboard, device=foreign_pump, kind="value")
    return dashboard


@pytest.fixture
def foreign_pump(db: None) -> Device:
    """A device of a space in which only Eve is a member."""
    space = Space.objects.create(slug="factory", name="Factory")
    Member.objects.create(space=space, user=User.objects.create_user("eve"), role=Role.MANAGER)
    device, _ = provisioning.create_device("pump-2", space)
    return device
