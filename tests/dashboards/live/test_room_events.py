"""Rooms and the inbox as Server-Sent Events: nothing is missing, although the client cannot ask for anything."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dashboards.live.relay import Relay
from devices.log.messages import MAX_PAGE
from devices.models import Device
from devices.rooms import posting
from tests.dashboards.live.conftest import Headers, lose_twice
from tests.dashboards.live.consumers.test_event_stream import Reading, reading
from tests.support.lossy_layer import lossy_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


@pytest.fixture
def room(pump: Device, headers: dict[str, Headers], settings: Any) -> int:
    settings.CHAT_RATE_LIMIT = 0
    return int(pump.room.pk)


async def say(user: User, room: int, *numbers: int) -> None:
    for number in numbers:
        await posting.post(user, room, str(number))


async def pushed(stream: Reading, type: str) -> dict[str, Any]:
    while (frame := await stream.frame())["type"] != type:
        pass
    return frame


async def test_it_begins_with_the_snapshot_and_goes_on_with_messages(
    headers: dict[str, Headers], room: int, alice: User
) -> None:
    await say(alice, room, 1, 2)
    async with reading(f"room={room}&inbox=1", headers["bob"]) as stream:
        snapshot = await pushed(stream, "snapshot")
        assert snapshot["stream"] == f"room:{room}"
        assert [one["seq"] for one in snapshot["snapshot"]["messages"]] == [1, 2]
        assert snapshot["event"] == f"0;{room}:2"
        assert (await pushed(stream, "snapshot"))["snapshot"]["unread"] == 2
        await say(alice, room, 3)
        message = await pushed(stream, "message")
        assert (message["text"], message["event"]) == ("3", f"0;{room}:3")
        assert (await pushed(stream, "activity"))["text"] == "3"


async def test_a_client_that_reconnects_gets_every_message_it_missed(
    headers: dict[str, Headers], room: int, alice: User
) -> None:
    total = 2 * MAX_PAGE + 30
    await say(alice, room, *range(1, total + 1))
    async with reading(f"room={room}", [*headers["bob"], (b"last-event-id", f"0;{room}:7".encode())]) as stream:
        snapshot = (await pushed(stream, "snapshot"))["snapshot"]
        seqs = [one["seq"] for one in snapshot["messages"]]
        while len(seqs) < total - 7:
            frame = await pushed(stream, "message")
            assert frame["event"] == f"0;{room}:{frame['seq']}"
            seqs.append(frame["seq"])
        assert seqs == list(range(8, total + 1))


async def test_messages_that_the_layer_lost_are_sent_all_the_same(
    headers: dict[str, Headers], room: int, alice: User
) -> None:
    async with reading(f"room={room}&inbox=1", headers["bob"]) as stream:
        await pushed(stream, "snapshot")
        await say(alice, room, 1)

        with lossy_layer():
            await say(alice, room, 2)
        await say(alice, room, 3)
        assert (await pushed(stream, "message"))["seq"] == 1
        assert (await pushed(stream, "resync"))["streams"] == ["inbox"]
        assert [(await pushed(stream, "message"))["seq"] for _ in range(2)] == [2, 3]


async def test_messages_lost_twice_are_sent_once(
    headers: dict[str, Headers], room: int, alice: User, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(f"room={room}", headers["bob"]) as stream:
        await pushed(stream, "snapshot")
        await say(alice, room, 1)
        assert (await pushed(stream, "message"))["seq"] == 1
        lose_twice(relay, room, lambda: say(alice, room, 2), monkeypatch)
        assert (await pushed(stream, "message"))["seq"] == 2
        await say(alice, room, 3)
        assert (await pushed(stream, "message"))["seq"] == 3


async def test_strangers_get_nothing(headers: dict[str, Headers], room: int, foreign_pump: Device) -> None:
    theirs = await sync_to_async(lambda: foreign_pump.room.pk)()
    for who, id in (("mallory", room), ("carol", theirs), ("carol", 2**40)):
        stream = Reading(f"room={id}", headers[who])
        assert await stream.open() == 404
        assert (await stream.body())["error"]["code"] == "not_found"
