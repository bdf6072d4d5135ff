"""Private messages, and the inbox, over `/ws/`."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from devices.channel import fanout
from devices.channel.events import DirectStored
from devices.models import Device, Space
from devices.rooms import provisioning, rooms
from devices.values import Role
from tests.dashboards.live.conftest import Headers, enter
from tests.dashboards.live.rooms.conftest import inside, is_quiet, leave, say
from tests.support.lossy_layer import lossy_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


async def test_a_private_message_reaches_all_connections_of_both_people_and_no_others(
    headers: dict[str, Headers],
) -> None:
    alice, tab = await enter(headers["alice"]), await enter(headers["alice"])
    bob, carol = await enter(headers["bob"]), await inside(headers["carol"], "inbox")
    sent = (await alice.request("direct", to="bob", text="between us"))["result"]
    for viewer in (tab, bob):
        pushed = await viewer.push("direct")
        assert pushed == {
            "type": "direct",
            "from": "alice",
            "to": "bob",
            "room": sent["room"],
            "seq": 1,
            "at": pushed["at"],
            "text": "between us",
        }
    answer = (await bob.request("direct", to="alice", text="ok"))["result"]
    assert answer == {"room": sent["room"], "seq": 2}
    assert await is_quiet(carol)
    await leave(alice, tab, bob, carol)


async def test_a_private_message_waits_for_a_person_who_is_offline(headers: dict[str, Headers]) -> None:
    alice = await enter(headers["alice"])
    await alice.request("direct", to="bob", text="later")
    bob = await enter(headers["bob"])
    inbox = await bob.subscribe("inbox")
    assert inbox["direct"] == 1
    assert [(one["with"], one["last"]["text"]) for one in inbox["conversations"]] == [("alice", "later")]
    await leave(alice, bob)


async def test_an_inbox_shows_the_activity_of_others_in_every_room_of_its_spaces(
    headers: dict[str, Headers], room: int, space: Space
) -> None:
    alice, bob = await inside(headers["alice"], "inbox"), await inside(headers["bob"], "inbox")
    stranger = await inside(headers["mallory"], "inbox")
    general = await sync_to_async(rooms.create)(space, "Workshop")
    await alice.request("message", room=room, text="x" * 300)
    await alice.request("message", room=general.pk, text="hey @bob")
    first, second = await bob.push("activity"), await bob.push("activity")
    assert first == {
        "type": "activity",
        "room": room,
        "seq": 1,
        "at": first["at"],
        "author": "alice",
        "text": "x" * 200,
        "mention": False,
    }
    assert (second["room"], second["mention"]) == (general.pk, True)
    assert await is_quiet(alice)
    assert await is_quiet(stranger)
    await leave(alice, bob, stranger)


async def test_messages_read_in_one_tab_count_as_read_in_the_other(headers: dict[str, Headers], room: int) -> None:
    alice = await enter(headers["alice"])
    tab, other = await inside(headers["bob"], "inbox"), await inside(headers["bob"], "inbox")
    for _ in range(2):
        await alice.request("message", room=room, text="@bob")
    assert (await tab.request("read", room=room, seq=1))["result"] == {}
    expected = {"type": "read", "room": room, "seq": 1, "unread": 1, "mentions": 1, "newest": 2}
    assert await other.push("read") == expected
    await leave(alice, tab, other)


async def test_a_lost_private_message_makes_both_people_reload_their_inboxes(
    headers: dict[str, Headers], bob: User
) -> None:
    his, hers = await inside(headers["bob"], "inbox"), await inside(headers["carol"], "inbox")
    first, second, third = [DirectStored(bob.pk, 1, seq, 1, "alice", "bob", "hi") for seq in (1, 2, 3)]
    await fanout.publish([first])
    await his.push("direct")

    with lossy_layer():
        await fanout.publish([second])
    await fanout.publish([third])
    assert (await his.push("resync"))["streams"] == ["inbox"]
    assert (await his.push("direct"))["seq"] == 3
    assert await is_quiet(hers)
    await leave(his, hers)


async def test_an_inbox_is_reloaded_when_a_device_moves_away_with_unread_messages(
    headers: dict[str, Headers], pump: Device, room: int, alice: User
) -> None:
    barn = await sync_to_async(provisioning.create_space)("barn", "Barn", alice)
    await say(alice, room, "@carol look")
    viewer = await enter(headers["carol"])
    assert (await viewer.subscribe("inbox"))["mentions"] == 1
    await sync_to_async(provisioning.move_device)(pump, barn)
    assert await viewer.push("resync") == {"type": "resync", "streams": ["inbox"], "reason": "changed"}
    assert (await viewer.subscribe("inbox"))["mentions"] == 0
    await leave(viewer)


async def test_a_new_member_is_sent_the_activity_of_the_spaces_rooms_from_then_on(
    headers: dict[str, Headers], room: int, space: Space, alice: User, mallory: User
) -> None:
    viewer = await inside(headers["mallory"], "inbox")
    await sync_to_async(provisioning.set_role)(space, mallory, Role.VIEWER)
    assert await viewer.push("resync") == {"type": "resync", "streams": ["inbox"], "reason": "changed"}
    await viewer.subscribe("inbox")
    await say(alice, room, "welcome")
    assert (await viewer.push("activity"))["text"] == "welcome"
    await leave(viewer)
