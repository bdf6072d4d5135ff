"""What people may do in rooms over `/ws/`, and what ends with their rights."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dashboards.live.relay import Relay
from devices.models import Device, Space
from devices.rooms import blocks, posting, provisioning
from devices.spaces import members, tokens
from tests.dashboards.live.conftest import Headers, bearer, enter
from tests.dashboards.live.rooms.conftest import inside, is_quiet, leave, refused, say

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]

REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("message", {"text": "hello"}),
    ("edit", {"seq": 1, "text": "hello"}),
    ("remove", {"seq": 1}),
    ("read", {"seq": 1}),
    ("typing", {}),
]


@pytest.mark.parametrize(("type", "fields"), REQUESTS)
async def test_a_room_that_may_not_be_read_answers_like_a_missing_one(
    headers: dict[str, Headers], room: int, alice: User, foreign_pump: Device, type: str, fields: dict[str, Any]
) -> None:
    await say(alice, room, "secret")
    theirs = await sync_to_async(lambda: foreign_pump.room.pk)()
    private, _ = await posting.direct(alice, "bob", "secret")
    mallory, carol = await enter(headers["mallory"]), await enter(headers["carol"])
    for viewer, forbidden in ((mallory, room), (mallory, private), (carol, theirs), (carol, private)):
        for id in (forbidden, 2**40):
            reply = await viewer.request(type, room=id, **fields)
            message = reply["error"].pop("message")
            assert reply["error"] == {"code": "not_found", "retry": False}
            assert message.replace(str(id), "ID") == "there is no room ID"
    await leave(mallory, carol)


async def test_nobody_subscribes_to_a_room_that_is_not_theirs(
    headers: dict[str, Headers], room: int, alice: User, foreign_pump: Device
) -> None:
    theirs = await sync_to_async(lambda: foreign_pump.room.pk)()
    private, _ = await posting.direct(alice, "bob", "secret")
    mallory, carol = await enter(headers["mallory"]), await enter(headers["carol"])
    for viewer, id in ((mallory, room), (mallory, private), (carol, theirs), (carol, private), (carol, 2**40)):
        assert await refused(viewer, "subscribe", stream=f"room:{id}") == "not_found"
    await leave(mallory, carol)


async def test_strangers_and_blocked_people_cannot_send_private_messages(
    headers: dict[str, Headers], bob: User
) -> None:
    alice, mallory = await enter(headers["alice"]), await enter(headers["mallory"])
    assert await refused(mallory, "direct", to="alice", text="hi") == "not_found"
    assert await refused(mallory, "direct", to="nobody", text="hi") == "not_found"
    private = (await alice.request("direct", to="bob", text="hi"))["result"]["room"]
    await sync_to_async(blocks.block)(bob, "alice")
    assert await refused(alice, "direct", to="bob", text="hi") == "forbidden"
    assert await refused(alice, "message", room=private, text="hi") == "forbidden"
    assert await refused(alice, "typing", room=private) == "forbidden"
    await leave(alice, mallory)


async def test_a_viewer_may_talk_but_not_command(headers: dict[str, Headers], room: int) -> None:
    carol = await enter(headers["carol"])
    assert (await carol.request("message", room=room, text="I see"))["ok"]
    assert await refused(carol, "message", room=room, text="/set speed 40") == "forbidden"
    await leave(carol)


async def test_people_cannot_change_the_messages_of_others(headers: dict[str, Headers], room: int, alice: User) -> None:
    await say(alice, room, "mine")
    bob = await enter(headers["bob"])
    assert await refused(bob, "edit", room=room, seq=1, text="yours") == "forbidden"
    assert await refused(bob, "remove", room=room, seq=1) == "forbidden"
    await leave(bob)


async def test_a_removed_member_is_sent_nothing_more(
    headers: dict[str, Headers], room: int, space: Space, alice: User, carol: User, relay: Relay
) -> None:
    viewer = await inside(headers["carol"], f"room:{room}", "inbox")
    await sync_to_async(members.remove)(space, carol)
    notices = [await viewer.frame() for _ in range(2)]
    assert {(one["type"], one.get("stream"), *one.get("streams", [])) for one in notices} == {
        ("unsubscribed", f"room:{room}"),
        ("resync", None, "inbox"),
    }
    await say(alice, room, "without carol")
    assert await is_quiet(viewer)
    assert relay.rooms._logs == {}
    assert (await viewer.subscribe("inbox"))["rooms"] == []
    await leave(viewer)


async def test_a_device_that_moves_takes_its_room_away_from_people_who_may_not_follow(
    headers: dict[str, Headers], pump: Device, room: int, alice: User
) -> None:
    barn = await sync_to_async(provisioning.create_space)("barn", "Barn", alice)
    viewer, follower = (
        await inside(headers["carol"], f"room:{room}"),
        await inside(headers["alice"], f"room:{room}"),
    )
    await sync_to_async(provisioning.move_device)(pump, barn)
    assert await viewer.push("unsubscribed") == {
        "type": "unsubscribed",
        "stream": f"room:{room}",
        "reason": "forbidden",
    }
    await say(alice, room, "in the barn")
    assert await is_quiet(viewer)
    assert (await follower.push("message"))["text"] == "in the barn"
    await leave(viewer, follower)


async def test_the_end_of_a_login_ends_all_streams_of_rooms(
    headers: dict[str, Headers], room: int, carol: User
) -> None:
    viewer = await enter(bearer(await sync_to_async(tokens.create)(carol)))
    await viewer.subscribe(f"room:{room}")
    await sync_to_async(lambda: carol.api_tokens.all().delete())()  # type: ignore[attr-defined]
    assert await viewer.closed() == 4401
