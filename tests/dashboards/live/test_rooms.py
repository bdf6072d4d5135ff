"""People in rooms over `/ws/`: their requests, their pushes and their permissions; in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dashboards.live import typing_limit
from dashboards.live.relay import Relay
from devices.channel import fanout, groups
from devices.channel.events import DirectStored
from devices.log.messages import MAX_PAGE, NEWEST
from devices.models import Device, Room, Space
from devices.rooms import blocks, posting, provisioning, rooms
from devices.runtime import stats
from devices.spaces import members, tokens
from devices.values import Role
from hub.routing import relays
from tests.dashboards.live.conftest import HandClock, Headers, Viewer, bearer, enter
from tests.support.lossy_layer import lossy_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]

DAY_S = 86_400.0


@pytest.fixture
def room(pump: Device, headers: dict[str, Headers]) -> int:
    """Id of the pump's room, with everybody a member."""
    return int(pump.room.pk)


async def inside(headers: Headers, *streams: str) -> Viewer:
    viewer = await enter(headers)
    for stream in streams:
        await viewer.subscribe(stream)
    return viewer


async def refused(viewer: Viewer, type: str, **fields: Any) -> str:
    reply = await viewer.request(type, **fields)
    assert not reply["ok"], reply
    return str(reply["error"]["code"])


async def say(user: User, room: int, *texts: str) -> None:
    for text in texts:
        await posting.post(user, room, text)


async def is_quiet(viewer: Viewer) -> bool:
    """Whether no frame waits but presence, which is pushed a moment later."""
    relays.current().rooms._push_activity()  # which would otherwise come a moment later
    await viewer.send({"id": "quiet", "type": "unsubscribe", "stream": "device:none"})
    while (frame := await viewer.frame()).get("reply") != "quiet":
        if frame.get("type") != "presence":
            return False
    return True


async def leave(*viewers: Viewer) -> None:
    for viewer in viewers:
        await viewer.leave()


async def test_alice_and_bob_see_each_others_messages(headers: dict[str, Headers], room: int) -> None:
    alice = await inside(headers["alice"], f"room:{room}")
    bob = await inside(headers["bob"], f"room:{room}")
    reply = await alice.request("message", room=room, text="Is it dry?", key="a1")
    assert reply["result"] == {"seq": 1}
    pushed = await bob.push("message")
    assert next(iter(pushed)) == "type"
    assert pushed == {
        "type": "message",
        "room": room,
        "seq": 1,
        "at": pushed["at"],
        "kind": "chat",
        "origin": "person",
        "author": "alice",
        "text": "Is it dry?",
        "key": "a1",
    }
    await bob.request("message", room=room, text="Yes")
    assert (await alice.push("message"))["seq"] == 2  # her own message came before the reply
    await leave(alice, bob)


async def test_a_snapshot_holds_the_newest_messages_the_people_present_and_the_unread_count(
    headers: dict[str, Headers], room: int, alice: User
) -> None:
    await say(alice, room, *[f"m{n}" for n in range(NEWEST + 9)], "@bob look")
    alices = await inside(headers["alice"], f"room:{room}")
    bob = await enter(headers["bob"])
    snapshot = await bob.subscribe(f"room:{room}")
    assert [one["seq"] for one in snapshot.pop("messages")] == list(range(11, NEWEST + 11))
    assert snapshot == {
        "seq": NEWEST + 10,
        "presence": ["alice", "bob"],
        "room": {"id": room, "name": "Irrigation pump", "device": "pump-1", "space": "garden"},
        "read": 0,
        "unread": NEWEST + 10,
        "mentions": 1,
    }
    await leave(alices, bob)


async def test_a_client_that_was_away_gets_the_log_in_batches_and_then_follows_it(
    headers: dict[str, Headers], room: int, alice: User, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 0
    await say(alice, room, *[f"m{n}" for n in range(MAX_PAGE + 5)])
    bob = await enter(headers["bob"])
    first = (await bob.request("subscribe", stream=f"room:{room}", after_seq=3))["result"]
    assert [one["seq"] for one in first["messages"]] == list(range(4, MAX_PAGE + 4))
    assert first["seq"] == MAX_PAGE + 5
    await say(alice, room, "meanwhile")
    assert await is_quiet(bob)  # as the log would have a gap
    rest = (await bob.request("subscribe", stream=f"room:{room}", after_seq=MAX_PAGE + 3))["result"]
    assert [one["seq"] for one in rest["messages"]] == [MAX_PAGE + 4, MAX_PAGE + 5, MAX_PAGE + 6]
    await say(alice, room, "now")
    assert (await bob.push("message"))["seq"] == MAX_PAGE + 7
    await leave(bob)


async def test_edits_and_removals_are_pushed_as_entries_of_the_log(headers: dict[str, Headers], room: int) -> None:
    alice, bob = await inside(headers["alice"]), await inside(headers["bob"], f"room:{room}")
    await alice.request("message", room=room, text="helo")
    assert (await alice.request("edit", room=room, seq=1, text="hello"))["result"] == {"seq": 2}
    assert (await alice.request("remove", room=room, seq=1))["result"] == {"seq": 3}
    pushed = [await bob.push("message") for _ in range(3)]
    assert [(one["seq"], one["kind"], one.get("of"), one["text"]) for one in pushed] == [
        (1, "chat", None, "helo"),
        (2, "edit", 1, "hello"),
        (3, "removal", 1, ""),
    ]
    await leave(alice, bob)


async def test_a_key_makes_a_repeat_harmless(headers: dict[str, Headers], room: int) -> None:
    alice, bob = await inside(headers["alice"]), await inside(headers["bob"], f"room:{room}")
    for _ in range(2):
        assert (await alice.request("message", room=room, text="once", key="k"))["result"] == {"seq": 1}
    assert (await bob.push("message"))["seq"] == 1
    assert await is_quiet(bob)
    await leave(alice, bob)


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


async def test_typing_is_pushed_to_the_others_once_a_second(
    headers: dict[str, Headers], room: int, clock: HandClock
) -> None:
    alice, tab = await inside(headers["alice"], f"room:{room}"), await inside(headers["alice"], f"room:{room}")
    bob = await inside(headers["bob"], f"room:{room}")
    before = stats.typing_ignored._value.get()
    for _ in range(20):
        assert (await alice.request("typing", room=room))["result"] == {}
    assert (await bob.push("typing")) == {"type": "typing", "room": room, "user": "alice"}
    assert stats.typing_ignored._value.get() - before == 19
    clock.forward(typing_limit.PAUSE_S)
    await alice.request("typing", room=room)
    assert (await bob.push("typing"))["user"] == "alice"
    for viewer in (alice, tab, bob):
        assert await is_quiet(viewer)
    await leave(alice, tab, bob)


def test_the_memory_of_who_is_typing_is_bounded(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing_limit, "MAX_KEPT", 3)
    limit = typing_limit.TypingLimit(clock)
    assert all(limit.acquire(user, 1) for user in range(5))
    assert len(limit._passed_at) == 3
    clock.forward(typing_limit.PAUSE_S)
    assert limit.acquire(9, 1)
    assert len(limit._passed_at) == 1


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


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("message", {"text": 5}),
        ("message", {}),
        ("message", {"text": "x" * 2001}),
        ("message", {"text": " \n "}),
        ("message", {"text": "a\u202eb"}),
        ("message", {"text": "a", "key": "k" * 65}),
        ("message", {"text": "a", "key": ""}),
        ("message", {"text": "a", "room": "1"}),
        ("message", {"text": "a", "room": 0}),
        ("message", {"text": "a", "room": 2**60}),
        ("edit", {"seq": -1, "text": "a"}),
        ("read", {"seq": "x"}),
        ("subscribe", {"stream": "inbox", "after_seq": -1}),
    ],
)
async def test_an_invalid_request_is_refused_by_name_and_the_socket_stays_open(
    headers: dict[str, Headers], room: int, type: str, fields: dict[str, Any]
) -> None:
    alice = await enter(headers["alice"])
    assert await refused(alice, type, **{"room": room, **fields}) == "invalid"
    assert await is_quiet(alice)
    await leave(alice)


async def test_a_person_over_the_rate_is_refused_while_others_are_served(
    headers: dict[str, Headers], room: int, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = 3
    alice, bob = await enter(headers["alice"]), await enter(headers["bob"])
    for _ in range(3):
        assert (await alice.request("message", room=room, text="hi"))["ok"]
    assert await refused(alice, "message", room=room, text="hi") == "too_many"
    assert (await bob.request("message", room=room, text="hi"))["ok"]
    await leave(alice, bob)


async def test_no_message_between_snapshot_and_push_is_lost_or_sent_twice(
    headers: dict[str, Headers], room: int, alice: User, settings: Any
) -> None:
    """Snapshot and pushes together are the log, whenever a client subscribes."""
    settings.CHAT_RATE_LIMIT = 0
    goes_on = True

    async def talk() -> None:
        while goes_on:
            await say(alice, room, "and another")

    talking = asyncio.create_task(talk())
    bob = await enter(headers["bob"])
    known: list[int] = []
    for _ in range(25):
        snapshot = await bob.request("subscribe", stream=f"room:{room}", **({"after_seq": known[-1]} if known else {}))
        known += [one["seq"] for one in snapshot["result"]["messages"]]
        known += [(await bob.push("message"))["seq"] for _ in range(3)]
        await bob.send({"id": "u", "type": "unsubscribe", "stream": f"room:{room}"})
        while (frame := await bob.frame()).get("reply") != "u":
            known.append(frame["seq"])
    await bob.subscribe(f"room:{room}")
    snapshot = await bob.request("subscribe", stream=f"room:{room}", after_seq=known[-1])
    known += [one["seq"] for one in snapshot["result"]["messages"]]
    goes_on = False
    await talking
    newest = await sync_to_async(lambda: Room.objects.get(pk=room).seq)()
    while known[-1] < newest:
        known.append((await bob.push("message"))["seq"])
    assert known == list(range(known[0], newest + 1))
    await leave(bob)


async def test_a_gap_in_the_layer_is_reported_to_the_rooms_and_inboxes_concerned(
    headers: dict[str, Headers], room: int, space: Space, alice: User
) -> None:
    others = [await sync_to_async(rooms.create)(space, f"Room {n}") for n in range(groups.SHARDS)]
    elsewhere = next(one.pk for one in others if groups.shard_of(one.pk) != groups.shard_of(room))
    bob = await inside(headers["bob"], f"room:{room}", f"room:{elsewhere}", "inbox")
    await say(alice, room, "heard")
    await bob.push("activity")

    with lossy_layer():
        await say(alice, room, "lost")
    await say(alice, room, "sent later")
    assert await bob.push("resync") == {"type": "resync", "streams": [f"room:{room}", "inbox"], "reason": "gap"}
    await bob.push("activity")
    assert await is_quiet(bob)  # the room waits until it is asked for again
    again = (await bob.request("subscribe", stream=f"room:{room}", after_seq=1))["result"]
    assert [one["text"] for one in again["messages"]] == ["lost", "sent later"]
    await say(alice, elsewhere, "goes on")
    assert (await bob.push("message"))["room"] == elsewhere
    await leave(bob)


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


async def test_the_end_of_a_login_ends_all_streams_of_rooms(
    headers: dict[str, Headers], room: int, carol: User
) -> None:
    viewer = await enter(bearer(await sync_to_async(tokens.create)(carol)))
    await viewer.subscribe(f"room:{room}")
    await sync_to_async(lambda: carol.api_tokens.all().delete())()  # type: ignore[attr-defined]
    assert await viewer.closed() == 4401


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
