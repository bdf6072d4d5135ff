"""Rooms on real servers, with a real Redis between them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dashboards.live.presence.roster import PATIENCE_S
from devices.models import Device
from devices.rooms import posting
from devices.spaces import tokens
from tests.dashboards.live.test_servers import WAIT_S, check_log, events, read, redis, running_redis, servers, viewer
from tests.support.serve import PRESENCE_TTL_S, ROSTER_INTERVALS
from tests.support.servers import Redis
from tests.support.web_server import WebServer, WebServers

__all__ = ["redis", "running_redis", "servers"]  # the fixtures

pytestmark = [pytest.mark.django_db(transaction=True)]

SLACK_S = 5.0
"""For a machine that is busy with other things too."""


@pytest.fixture
def webs(transactional_db: None, servers: WebServers, redis: Redis) -> Iterator[list[WebServer]]:
    found = [servers(kind) for kind in ("daphne", "uvicorn")]
    yield found
    for server in found:
        check_log(server)


@pytest.fixture
def room(pump: Device) -> int:
    return int(pump.room.pk)


@pytest.fixture
def tokens_of(alice: User, bob: User, carol: User) -> dict[str, str]:
    return {person.username: tokens.create(person) for person in (alice, bob, carol)}


class Guest:
    """A client in the room that answers pings whatever the test does."""

    def __init__(self, client: ClientConnection, present: set[str]) -> None:
        self.client = client
        self.present = present
        self._pushes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listen(self) -> None:
        async for text in self.client:
            frame = json.loads(text)
            if frame.get("type") == "ping":
                await self.client.send(json.dumps({"type": "pong"}))
            else:
                self._pushes.put_nowait(frame)

    async def push(self, type: str) -> dict[str, Any]:
        """Returns the next push of this type; skips others."""
        async with asyncio.timeout(WAIT_S):
            while (frame := await self._pushes.get()).get("type") != type:
                pass
        return frame

    async def sees(self, *wanted: str) -> list[list[str]]:
        """Returns once exactly these people are shown, with the names of each push that reported a leave."""
        left = []
        while self.present != set(wanted):
            frame = await self.push("presence")
            self.present = (self.present | set(frame["joined"])) - set(frame["left"])
            left += [frame["left"]] if frame["left"] else []
        return left


@asynccontextmanager
async def inside(web: WebServer, token: str, room: int) -> AsyncIterator[Guest]:
    async with viewer(web, token) as client:
        await client.send(json.dumps({"id": 1, "type": "subscribe", "stream": f"room:{room}"}))
        while (frame := await read(client)).get("reply") != 1:
            pass
        guest = Guest(client, set(frame["result"]["presence"]))
        listening = asyncio.create_task(guest.listen())
        yield guest
        listening.cancel()
        with suppress(asyncio.CancelledError, ConnectionClosed):
            await listening


async def test_people_talk_through_different_servers(
    webs: list[WebServer], room: int, tokens_of: dict[str, str]
) -> None:
    daphne, uvicorn = webs
    async with inside(daphne, tokens_of["alice"], room) as alice, inside(uvicorn, tokens_of["bob"], room) as bob:
        assert bob.present == {"alice", "bob"}
        for number, sender in enumerate((alice, bob), 1):
            await sender.client.send(json.dumps({"id": 2, "type": "message", "room": room, "text": f"hello {number}"}))
            for one in (alice, bob):
                message = await one.push("message")
                assert (message["seq"], message["text"]) == (number, f"hello {number}")


@pytest.mark.parametrize("killed", [0, 1])
async def test_people_in_a_process_that_is_killed_have_left(
    webs: list[WebServer], room: int, tokens_of: dict[str, str], killed: int
) -> None:
    victim, other = webs[killed], webs[1 - killed]
    async with inside(other, tokens_of["alice"], room) as alice, inside(victim, tokens_of["bob"], room):
        await alice.sees("alice", "bob")
        await asyncio.to_thread(victim.kill)
        began = time.monotonic()
        await alice.sees("alice")
        took_s = time.monotonic() - began
    print(f"left {took_s:.1f} s after the process was killed")
    assert took_s < PRESENCE_TTL_S + ROSTER_INTERVALS.look_s + PATIENCE_S + SLACK_S


async def test_people_stay_come_and_go_while_redis_is_unavailable(
    webs: list[WebServer], room: int, tokens_of: dict[str, str], redis: Redis
) -> None:
    daphne, uvicorn = webs
    async with inside(daphne, tokens_of["alice"], room) as alice, inside(uvicorn, tokens_of["bob"], room):
        await alice.sees("alice", "bob")
        redis.kill()
        async with inside(daphne, tokens_of["carol"], room) as carol:
            assert carol.present == {"alice", "bob", "carol"}
            await alice.sees("alice", "bob", "carol")
            await asyncio.to_thread(redis.start)
        left = await alice.sees("alice", "bob")
        async with inside(uvicorn, tokens_of["carol"], room):
            left += await alice.sees("alice", "bob", "carol")
        assert left == [["carol"]]


@pytest.mark.parametrize("kind", [0, 1])
async def test_an_event_stream_follows_a_room(
    webs: list[WebServer], room: int, tokens_of: dict[str, str], alice: User, kind: int
) -> None:
    await posting.post(alice, room, "before")
    query = f"room={room}&inbox=1"
    async with events(webs[kind], tokens_of["bob"], query) as (reader, _):
        await posting.post(alice, room, "after")
        found = b""
        async with asyncio.timeout(WAIT_S):
            while b'"text":"after"' not in found or b'"type":"activity"' not in found:
                found += await reader.readuntil(b"\n\n")
        assert f"id: 0;{room}:2\n".encode() in found


@pytest.mark.parametrize("kind", [0, 1])
async def test_the_plain_endpoint_works_across_servers(
    webs: list[WebServer], room: int, tokens_of: dict[str, str], kind: int
) -> None:
    address = f"{webs[kind].live_url}chat/pump-1/"
    headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens_of.items()}

    async def hear(client: ClientConnection) -> Any:
        return json.loads(await client.recv())

    async with (
        asyncio.timeout(WAIT_S),
        connect(address, additional_headers=headers["alice"]) as alice,
        connect(address, additional_headers=headers["bob"]) as bob,
    ):
        for one in (alice, bob):
            await one.send("{}")  # answered once the room has been entered
            assert "error" in await hear(one)
        await alice.send(json.dumps({"message": "hello"}))
        for one in (alice, bob):
            assert await hear(one) == {"message": "hello", "username": "alice"}
    async with connect(address.replace("pump-1", "lobby"), additional_headers=headers["alice"]) as lost:
        assert (await hear(lost))["error"]["code"] == "not_found"
        await lost.wait_closed()
        assert lost.close_code == 4404
