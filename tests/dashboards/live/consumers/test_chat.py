"""`/ws/chat/<room>/`: the plain form, as the clients of tutorials speak it."""

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
from devices.channel import fanout
from devices.log.messages import MAX_PAGE
from devices.models import Device, Space
from devices.rooms import posting, provisioning
from hub.asgi import application
from tests.dashboards.live.conftest import WAIT_S, HandClock, Headers, cookie, enter, lose_twice, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


@pytest.fixture
def room(pump: Device, headers: dict[str, Headers]) -> int:
    return int(pump.room.pk)


class Chatter:
    def __init__(self, room: int | str, headers: Headers) -> None:
        self.socket = WebsocketCommunicator(application, f"/ws/chat/{room}/", headers=headers)

    async def open(self) -> bool:
        return bool((await self.socket.connect(timeout=WAIT_S))[0])

    async def say(self, text: Any) -> None:
        await self.socket.send_to(json.dumps({"message": text}))

    async def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.socket.receive_from(WAIT_S))
        return found

    async def closed(self) -> int:
        return int((await self.socket.receive_output(WAIT_S))["code"])

    async def leave(self) -> None:
        await self.socket.disconnect(timeout=WAIT_S)


async def chatter(room: int | str, headers: Headers, relay: Relay) -> Chatter:
    """One who is in the room."""
    before = len(relay.rooms._names)
    found = Chatter(room, headers)
    assert await found.open()
    await found.say("")  # answered once the room has been entered
    assert (await found.hear())["error"]["code"] == "invalid"
    assert len(relay.rooms._names) == before + 1
    return found


async def test_alice_and_bob_talk(headers: dict[str, Headers], room: int, relay: Relay) -> None:
    alice, bob = await chatter(room, headers["alice"], relay), await chatter("pump-1", headers["bob"], relay)
    await alice.say("Hello, Bob")
    for one in (alice, bob):
        assert await one.hear() == {"message": "Hello, Bob", "username": "alice"}
    await bob.say("Hello, Alice")
    for one in (alice, bob):
        assert await one.hear() == {"message": "Hello, Alice", "username": "bob"}
    await alice.leave()
    await bob.leave()


async def test_it_is_the_same_room_as_over_the_other_endpoint(
    headers: dict[str, Headers], room: int, relay: Relay
) -> None:
    plain, full = await chatter(room, headers["alice"], relay), await enter(headers["bob"])
    assert (await full.subscribe(f"room:{room}"))["presence"] == ["alice", "bob"]
    await plain.say("from the plain one")
    assert (await full.push("message"))["text"] == "from the plain one"
    await full.request("message", room=room, text="/help")
    said = [await plain.hear() for _ in range(3)]
    assert [one["username"] for one in said] == ["alice", "bob", "hubbub"]
    await plain.leave()
    await full.leave()


@pytest.mark.parametrize(
    ("who", "where"),
    [("mallory", "pump-1"), ("mallory", "ID"), ("carol", "pump-2"), ("carol", "lobby"), ("carol", "9" * 30)],
)
async def test_who_may_not_read_a_room_finds_none(
    headers: dict[str, Headers], room: int, foreign_pump: Device, who: str, where: str
) -> None:
    stranger = Chatter(where.replace("ID", str(room)), headers[who])
    assert await stranger.open()
    assert (await stranger.hear())["error"]["code"] == "not_found"
    assert await stranger.closed() == 4404


async def test_who_is_not_signed_in_is_told_so(room: int) -> None:
    nobody = Chatter(room, cookie("none"))
    assert await nobody.open()
    assert (await nobody.hear())["error"]["code"] == "unauthenticated"
    assert await nobody.closed() == 4401


async def test_a_foreign_page_is_refused(room: int, alice: User) -> None:
    key = await sync_to_async(sign_in)(alice)
    assert not await Chatter(room, cookie(key, "http://evil.example")).open()


@pytest.mark.parametrize("text", ["{}", "[]", '"hello"', '{"message": 5}', "nonsense", '{"message": "\\u202e"}'])
async def test_what_cannot_be_said_is_answered_with_an_error(
    headers: dict[str, Headers], room: int, relay: Relay, text: str
) -> None:
    alice = await chatter(room, headers["alice"], relay)
    await alice.socket.send_to(text)
    error = (await alice.hear())["error"]
    assert error["code"] in ("invalid", "invalid_json")
    assert set(error) == {"code", "message", "retry"}
    await alice.leave()


async def test_ten_bad_frames_end_it(headers: dict[str, Headers], room: int, relay: Relay) -> None:
    alice = await chatter(room, headers["alice"], relay)
    for _ in range(10):
        await alice.socket.send_to("x")
        await alice.hear()
    assert await alice.closed() == 4400


async def test_the_rate_of_messages_is_the_same(
    headers: dict[str, Headers], room: int, relay: Relay, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 1
    alice = await chatter(room, headers["alice"], relay)
    await alice.say("one")
    await alice.hear()
    await alice.say("two")
    assert (await alice.hear())["error"]["code"] == "too_many"
    await alice.leave()


async def test_a_client_that_answers_no_ping_stays(
    headers: dict[str, Headers], room: int, relay: Relay, clock: HandClock, bob: User
) -> None:
    alice = await chatter(room, headers["alice"], relay)
    for _ in range(6):
        clock.forward(10)
        relay.monitor.sweep()
        await posting.post(bob, room, "still there?")  # written after the ping
        assert (await alice.hear())["message"] == "still there?"
    await alice.leave()


async def test_a_right_that_goes_ends_it(
    headers: dict[str, Headers], room: int, relay: Relay, space: Space, pump: Device, alice: User, carol: User
) -> None:
    barn = await sync_to_async(provisioning.create_space)("barn", "Barn", alice)
    viewer = await chatter(room, headers["carol"], relay)
    await sync_to_async(provisioning.move_device)(pump, barn)
    assert (await viewer.hear())["error"]["code"] == "not_found"
    assert await viewer.closed() == 4404


async def test_what_the_layer_lost_is_said_all_the_same(
    headers: dict[str, Headers], room: int, relay: Relay, bob: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 0
    alice = await chatter(room, headers["alice"], relay)
    await posting.post(bob, room, "0")
    total = MAX_PAGE + 20

    async def lose(group: str, message: object) -> None:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(fanout, "_send", lose)
        for number in range(1, total):
            await posting.post(bob, room, str(number))
    await posting.post(bob, room, str(total))
    assert [(await alice.hear())["message"] for _ in range(total + 1)] == [str(n) for n in range(total + 1)]
    await alice.leave()


async def test_what_is_lost_twice_is_said_once(
    headers: dict[str, Headers], room: int, relay: Relay, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await chatter(room, headers["alice"], relay)
    await posting.post(bob, room, "one")
    assert (await alice.hear())["message"] == "one"
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
    assert [(await alice.hear())["message"] for _ in range(2)] == ["two", "three"]
    await alice.leave()
