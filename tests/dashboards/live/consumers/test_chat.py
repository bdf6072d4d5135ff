"""`/ws/chat/<room>/`: the plain protocol of the clients in tutorials."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from dashboards.live.connection import Connection
from dashboards.live.frames import Frame
from dashboards.live.relay import Relay
from devices.log.messages import MAX_PAGE
from devices.models import Device, Space
from devices.rooms import posting, provisioning
from hub.asgi import application
from tests.dashboards.live.conftest import WAIT_S, HandClock, Headers, cookie, enter, lose_twice, sign_in
from tests.support.lossy_layer import lossy_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


@pytest.fixture
def room(pump: Device, headers: dict[str, Headers]) -> int:
    return int(pump.room.pk)


class ChatClient:
    def __init__(self, room: int | str, headers: Headers) -> None:
        self.socket = WebsocketCommunicator(application, f"/ws/chat/{room}/", headers=headers)

    async def open(self) -> bool:
        return bool((await self.socket.connect(timeout=WAIT_S))[0])

    async def send(self, text: Any) -> None:
        await self.socket.send_to(json.dumps({"message": text}))

    async def receive(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.socket.receive_from(WAIT_S))
        return found

    async def closed(self) -> int:
        return int((await self.socket.receive_output(WAIT_S))["code"])

    async def leave(self) -> None:
        await self.socket.disconnect(timeout=WAIT_S)


async def entered(room: int | str, headers: Headers, relay: Relay) -> ChatClient:
    """Returns a client that is in the room."""
    before = len(relay.rooms._names)
    found = ChatClient(room, headers)
    assert await found.open()
    await found.send("")  # answered once the room has been entered
    assert (await found.receive())["error"]["code"] == "invalid"
    assert len(relay.rooms._names) == before + 1
    return found


async def test_alice_and_bob_talk(headers: dict[str, Headers], room: int, relay: Relay) -> None:
    alice, bob = await entered(room, headers["alice"], relay), await entered("pump-1", headers["bob"], relay)
    await alice.send("Hello, Bob")
    for one in (alice, bob):
        assert await one.receive() == {"message": "Hello, Bob", "username": "alice"}
    await bob.send("Hello, Alice")
    for one in (alice, bob):
        assert await one.receive() == {"message": "Hello, Alice", "username": "bob"}
    await alice.leave()
    await bob.leave()


async def test_it_is_the_same_room_as_over_the_other_endpoint(
    headers: dict[str, Headers], room: int, relay: Relay
) -> None:
    plain, full = await entered(room, headers["alice"], relay), await enter(headers["bob"])
    assert (await full.subscribe(f"room:{room}"))["presence"] == ["alice", "bob"]
    await plain.send("from the plain one")
    assert (await full.push("message"))["text"] == "from the plain one"
    await full.request("message", room=room, text="/help")
    received = [await plain.receive() for _ in range(3)]
    assert [one["username"] for one in received] == ["alice", "bob", "hubbub"]
    await plain.leave()
    await full.leave()


@pytest.mark.parametrize(
    ("who", "where"),
    [("mallory", "pump-1"), ("mallory", "ID"), ("carol", "pump-2"), ("carol", "lobby"), ("carol", "9" * 30)],
)
async def test_a_room_that_may_not_be_read_is_not_found(
    headers: dict[str, Headers], room: int, foreign_pump: Device, who: str, where: str
) -> None:
    stranger = ChatClient(where.replace("ID", str(room)), headers[who])
    assert await stranger.open()
    assert (await stranger.receive())["error"]["code"] == "not_found"
    assert await stranger.closed() == 4404


async def test_a_client_that_is_not_signed_in_is_told_so(room: int) -> None:
    nobody = ChatClient(room, cookie("none"))
    assert await nobody.open()
    assert (await nobody.receive())["error"]["code"] == "unauthenticated"
    assert await nobody.closed() == 4401


async def test_a_foreign_page_is_refused(room: int, alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    assert not await ChatClient(room, cookie(key, "http://evil.example")).open()


@pytest.mark.parametrize("text", ["{}", "[]", '"hello"', '{"message": 5}', "nonsense", '{"message": "\\u202e"}'])
async def test_an_invalid_message_is_answered_with_an_error(
    headers: dict[str, Headers], room: int, relay: Relay, text: str
) -> None:
    alice = await entered(room, headers["alice"], relay)
    await alice.socket.send_to(text)
    error = (await alice.receive())["error"]
    assert error["code"] in ("invalid", "invalid_json")
    assert set(error) == {"code", "message", "retry"}
    await alice.leave()


async def test_ten_bad_frames_close_the_connection(headers: dict[str, Headers], room: int, relay: Relay) -> None:
    alice = await entered(room, headers["alice"], relay)
    for _ in range(10):
        await alice.socket.send_to("x")
        await alice.receive()
    assert await alice.closed() == 4400


async def test_the_rate_of_messages_is_the_same(
    headers: dict[str, Headers], room: int, relay: Relay, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    alice = await entered(room, headers["alice"], relay)
    await alice.send("one")
    await alice.receive()
    await alice.send("two")
    assert (await alice.receive())["error"]["code"] == "too_many"
    await alice.leave()


async def test_a_client_that_never_answers_pings_stays_connected(
    headers: dict[str, Headers], room: int, relay: Relay, clock: HandClock, bob: User
) -> None:
    alice = await entered(room, headers["alice"], relay)
    for _ in range(6):
        clock.forward(10)
        relay.monitor.sweep()
        await posting.post(bob, room, "still there?")  # written after the ping
        assert (await alice.receive())["message"] == "still there?"
    await alice.leave()


async def test_losing_the_permission_closes_the_connection(
    headers: dict[str, Headers], room: int, relay: Relay, space: Space, pump: Device, alice: User, carol: User
) -> None:
    barn = await sync_to_async(provisioning.create_space)("barn", "Barn", alice)
    viewer = await entered(room, headers["carol"], relay)
    await sync_to_async(provisioning.move_device)(pump, barn)
    assert (await viewer.receive())["error"]["code"] == "not_found"
    assert await viewer.closed() == 4404


async def test_messages_that_the_layer_lost_arrive_all_the_same(
    headers: dict[str, Headers], room: int, relay: Relay, bob: User, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 0
    alice = await entered(room, headers["alice"], relay)
    await posting.post(bob, room, "0")
    total = MAX_PAGE + 20

    with lossy_layer():
        for number in range(1, total):
            await posting.post(bob, room, str(number))
    await posting.post(bob, room, str(total))
    assert [(await alice.receive())["message"] for _ in range(total + 1)] == [str(n) for n in range(total + 1)]
    await alice.leave()


async def test_messages_lost_twice_arrive_once(
    headers: dict[str, Headers], room: int, relay: Relay, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await entered(room, headers["alice"], relay)
    await posting.post(bob, room, "one")
    assert (await alice.receive())["message"] == "one"
    arrived = asyncio.Event()
    push = Connection.push

    def note(connection: Connection, frame: Frame) -> None:
        push(connection, frame)
        if '"two"' in frame.text:
            arrived.set()

    monkeypatch.setattr(Connection, "push", note)

    async def say_two() -> None:
        await posting.post(bob, room, "two")

    lose_twice(relay, room, say_two, monkeypatch)
    await arrived.wait()
    await posting.post(bob, room, "three")
    assert [(await alice.receive())["message"] for _ in range(2)] == ["two", "three"]
    await alice.leave()
