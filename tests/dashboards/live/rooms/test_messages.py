"""Messages of people in rooms over `/ws/`: snapshots, pushes, and nothing missing in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dashboards.live import typing_limit
from devices.channel import groups
from devices.log.messages import MAX_PAGE, NEWEST
from devices.models import Room, Space
from devices.rooms import rooms
from devices.runtime import stats
from tests.dashboards.live.conftest import HandClock, Headers, enter
from tests.dashboards.live.rooms.conftest import inside, is_quiet, leave, refused, say
from tests.support.lossy_layer import lossy_layer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("relay")]


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
